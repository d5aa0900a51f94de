/** The configured notifiers, open: whom notices can be given to. */
import type { Config, PipelineConfig } from '../config/config.ts';
import type { Context } from '../contracts/context.ts';
import type { Notice, Notifier, NotifierTraits } from '../contracts/notifier.ts';
import type { Registry } from '../contracts/registry.ts';

export interface LiveNotifier {
  readonly notifier: Notifier;
  readonly traits: NotifierTraits;
  readonly kind: string;
}

/** By name. */
export type Notifiers = ReadonlyMap<string, LiveNotifier>;

/** Opens every notifier of the configuration. Closes what it opened when one fails. */
export async function openNotifiers(options: {
  readonly registry: Registry;
  readonly config: Pick<Config, 'notify'>;
  readonly ctx: Context;
}): Promise<Notifiers> {
  const open = new Map<string, LiveNotifier>();
  try {
    for (const [name, { kind, settings }] of Object.entries(options.config.notify)) {
      const definition = options.registry.notifiers.get(kind);
      if (!definition) throw new Error(`no notifier of kind ${kind}`);
      const notifier = await definition.create(settings, options.ctx);
      open.set(name, { notifier, traits: definition.traits, kind });
    }
    return open;
  } catch (error) {
    await closeNotifiers(open);
    throw error;
  }
}

export async function closeNotifiers(notifiers: Notifiers): Promise<void> {
  await Promise.allSettled([...notifiers.values()].map(n => n.notifier.close()));
}

/**
 * Who else may be told what a notifier can't deliver, the best first: those who hear of the same concern of this pipeline,
 * those who hear of the other, anybody.
 */
export function routesFor(
  config: { readonly pipelines: readonly Pick<PipelineConfig, 'name' | 'notify'>[] },
  notifiers: Notifiers,
  { pipeline, concerns }: Pick<Notice, 'pipeline' | 'concerns'>,
): string[][] {
  const notify = config.pipelines.find(p => p.name === pipeline.name)?.notify ?? { loss: [], ours: [] };
  const other = concerns === 'loss' ? notify.ours : notify.loss;
  return [notify[concerns], other, [...notifiers.keys()]].map(route =>
    route.filter(name => notifiers.has(name)),
  );
}
