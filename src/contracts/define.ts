// How an adapter file states its definition: the settings' type is read off the schema, then forgotten.
import type { z } from 'zod';
import type { Context } from './context.ts';
import type { Definition } from './definition.ts';
import type { InjectorDefinition } from './injector.ts';
import type { NotifierDefinition } from './notifier.ts';
import type { ObserverDefinition } from './observer.ts';

/** A definition as its author writes it: `create` takes what `schema` puts out. */
type Authored<Schema extends z.ZodType, D> =
  D extends Definition<unknown, infer Adapter, unknown>
    ? Omit<D, 'schema' | 'create'> & {
        readonly schema: Schema;
        create(settings: z.output<Schema>, ctx: Context): Adapter | Promise<Adapter>;
      }
    : never;

/** `export default defineInjector({ kind, schema: z.strictObject({…}), create(settings, ctx) {…}, … })` */
export const defineInjector = <Schema extends z.ZodType>(
  definition: Authored<Schema, InjectorDefinition>,
): InjectorDefinition => definition as unknown as InjectorDefinition;

/** `export default defineObserver({ kind, schema: z.strictObject({…}), create(settings, ctx) {…}, … })` */
export const defineObserver = <Schema extends z.ZodType>(
  definition: Authored<Schema, ObserverDefinition>,
): ObserverDefinition => definition as unknown as ObserverDefinition;

/** `export default defineNotifier({ kind, schema: z.strictObject({…}), create(settings, ctx) {…}, … })` */
export const defineNotifier = <Schema extends z.ZodType>(
  definition: Authored<Schema, NotifierDefinition>,
): NotifierDefinition => definition as unknown as NotifierDefinition;
