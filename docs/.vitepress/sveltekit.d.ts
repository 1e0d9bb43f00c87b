// What SvelteKit writes for each application: no package has it.
declare module '$env/dynamic/private' {
  export const env: Record<string, string | undefined>
}
