// SvelteKit generates this module for each application, so no package contains its types.
declare module '$env/dynamic/private' {
  export const env: Record<string, string | undefined>
}
