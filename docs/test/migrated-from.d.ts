// docs/migrating.md also has code for these packages. They do not work with the other dependencies of this folder.
declare module 'keycloak-connect'
declare module 'nest-keycloak-connect'
