/** The configuration as text, bundled with the Worker: `[alias]` and `[[rules]]` in wrangler.toml say which file. */
declare module 'coalmine.yaml' {
  const text: string;
  export default text;
}
