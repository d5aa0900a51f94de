/**
 * Who is told: notifiers, the heartbeat, and who hears of what. Notices aren't sent yet, which is said here and
 * nowhere else: once there are notifiers, `notBuilt` goes, and settings are judged as other adapters' are.
 */
import type { Loading } from './adapters.ts';
import type { AdapterConfig, Config } from './config.ts';
import type { Path } from './diagnostic.ts';
import { meant } from './nearest.ts';
import type { Draft } from './read.ts';
import type { ConfigInput } from './schema.ts';

const notBuilt = ({ report }: Loading, version: string, path: Path): void =>
  report.warning(path, {
    message: `${`coalmine ${version}`.trim()} does not send notices yet`,
    fix: 'read incidents from its pages and API, and leave this out',
    atKey: true,
  });

export const resolveNotices = (
  loading: Loading,
  root: Draft<ConfigInput>,
  version: string,
): Pick<Config, 'notify' | 'heartbeat'> => {
  const notify: Record<string, AdapterConfig> = {};
  for (const [name, given] of Object.entries(root.notify ?? {})) {
    notBuilt(loading, version, ['notify', name]);
    const { kind, ...settings } = given ?? {};
    if (kind !== undefined) notify[name] = { kind, settings };
  }
  checkRoutes(loading, root);
  const url = root.heartbeat?.url;
  if (loading.has(['heartbeat'])) notBuilt(loading, version, ['heartbeat']);
  return { notify, ...(url === undefined ? {} : { heartbeat: { url } }) };
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
