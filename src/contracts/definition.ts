import type { z } from 'zod';
import type { Context } from './context.ts';

export type RuntimeName = 'node' | 'workerd';

/** What an adapter file exports: its kind, the schema of its settings, where it runs, and its factory. */
export interface Definition<Settings, Adapter, Traits = unknown> {
  /** The word after `kind:` in coalmine.yaml. */
  readonly kind: string;
  /** One line for `coalmine adapters`. */
  readonly summary: string;
  /** A strict zod object without `kind`. Every field is described; it becomes the JSON schema and the reference. */
  readonly schema: z.ZodType<Settings>;
  readonly runtimes: readonly RuntimeName[];
  readonly traits: Traits;
  /** Opens nothing that `close()` doesn't close. Throws `SettingsError` for what a schema can't say. */
  create(settings: Settings, ctx: Context): Adapter | Promise<Adapter>;
}

/** A user's mistake in settings: shown as a diagnostic, never as a stack trace. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}
