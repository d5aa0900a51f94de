/** coalmine's own version, as its package says. */
import { createRequire } from 'node:module';

const manifest = createRequire(import.meta.url)('../../../package.json') as { readonly version: string };
export const VERSION: string = manifest.version;
