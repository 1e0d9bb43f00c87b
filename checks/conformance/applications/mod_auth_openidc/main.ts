// Starts Apache HTTP Server with mod_auth_openidc, in a folder of its own.
import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const { PORT = '', ISSUER = '', CLIENT_ID = '', CLIENT_SECRET = '', SESSION_SECRET = '' } = process.env
const modules = '/usr/lib/apache2/modules'
const folder = mkdtempSync(join(tmpdir(), 'bcl-apache-'))
chmodSync(folder, 0o755)
mkdirSync(join(folder, 'pages'))
for (const page of ['me', 'login']) writeFileSync(join(folder, 'pages', page), 'ok')

writeFileSync(
  join(folder, 'httpd.conf'),
  `
ServerRoot ${folder}
ServerName 127.0.0.1
Listen 127.0.0.1:${PORT}
PidFile ${folder}/httpd.pid
ErrorLog ${folder}/error.log
User www-data
Group www-data
LoadModule mpm_event_module ${modules}/mod_mpm_event.so
LoadModule authn_core_module ${modules}/mod_authn_core.so
LoadModule authz_core_module ${modules}/mod_authz_core.so
LoadModule authz_user_module ${modules}/mod_authz_user.so
LoadModule auth_openidc_module ${modules}/mod_auth_openidc.so
DocumentRoot ${folder}/pages
OIDCProviderMetadataURL ${ISSUER}/.well-known/openid-configuration
OIDCClientID ${CLIENT_ID}
OIDCClientSecret ${CLIENT_SECRET}
OIDCIDTokenSignedResponseAlg RS256
OIDCRedirectURI http://127.0.0.1:${PORT}/callback
# Each sign-in takes several entries.
OIDCCacheShmMax 20000
OIDCCryptoPassphrase "${SESSION_SECRET}"
<Location />
  AuthType openid-connect
  Require valid-user
</Location>
<Location /me>
  OIDCUnAuthAction 401
</Location>
`,
)

const apache = spawn('apache2', ['-f', join(folder, 'httpd.conf'), '-D', 'FOREGROUND'], { stdio: 'inherit' })
process.once('SIGTERM', () => apache.kill('SIGTERM'))
apache.once('exit', () => rmSync(folder, { recursive: true }))
