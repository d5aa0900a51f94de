/** Who is told: notifiers, the heartbeat, and who hears of what. */
import { findDefinition, type Given, type Loading, readSettings } from './adapters.ts';
import type { AdapterConfig, Config } from './config.ts';
import { meant } from './nearest.ts';
import type { Draft } from './read.ts';
import type { ConfigInput } from './schema.ts';

export const resolveNotices = (
  loading: Loading,
  root: Draft<ConfigInput>,
): Pick<Config, 'notify' | 'heartbeat'> => {
  const notify: Record<string, AdapterConfig> = {};
  for (const [name, given] of Object.entries(root.notify ?? {})) {
    if (given?.kind === undefined) continue;
    const path = ['notify', name];
    const definition = findDefinition(loading, 'notifier', given.kind, path);
    const settled =
      definition && readSettings(loading, definition, given as Given, inner => [...path, ...inner]);
    if (settled) notify[name] = settled;
  }
  checkRoutes(loading, root);
  hintAtSilence(loading, root);
  const { url, every } = root.heartbeat ?? {};
  return {
    notify,
    ...(url === undefined ? {} : { heartbeat: { url, everyMs: every ?? HEARTBEAT_EVERY_MS } }),
  };
};

const HEARTBEAT_EVERY_MS = 60_000;

/** Notifiers that no pipeline names tell nobody anything: said once, for each. */
const hintAtSilence = ({ report }: Loading, root: Draft<ConfigInput>): void => {
  const named = new Set(
    Object.values(root.pipelines ?? {}).flatMap(p => [
      ...(p?.notify?.loss ?? []),
      ...(p?.notify?.ours ?? []),
    ]),
  );
  for (const name of Object.keys(root.notify ?? {})) {
    if (named.has(name)) continue;
    report.warning(['notify', name], {
      message: `no pipeline names the notifier "${name}": it is never used`,
      fix: `add it to the notify.loss or notify.ours of a pipeline, or leave it out`,
      atKey: true,
    });
  }
};

const checkRoutes = ({ report }: Loading, root: Draft<ConfigInput>): void => {
  const known = Object.keys(root.notify ?? {});
  for (const [pipeline, draft] of Object.entries(root.pipelines ?? {})) {
    for (const way of ['loss', 'ours'] as const) {
      for (const [i, name] of (draft?.notify?.[way] ?? []).entries()) {
        if (name === undefined || known.includes(name)) continue;
        const path = ['pipelines', pipeline, 'notify', way, i];
        report.error(path, { message: `there is no notifier "${name}"`, fix: meant(name, known) });
      }
    }
  }
};
