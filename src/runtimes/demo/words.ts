/** The demo's first words: where to look, what flies where, what to try. */
import type { Config } from '../../config/config.ts';
import { formatDuration } from '../../domain/words.ts';
import type { DeskNotice } from './desk.ts';

export function greeting(
  config: Config,
  given: { readonly url: string; readonly dataDir: string },
): string[] {
  return [
    `coalmine demo: ${given.url}`,
    '',
    ...config.pipelines.flatMap(p => {
      const every = p.schedule.kind === 'every' ? formatDuration(p.schedule.everyMs) : p.schedule.expression;
      const ways = p.targets.length === 1 ? 'one way in' : p.targets.map(t => t.name).join(', ');
      const places = p.checkpoints.map(
        c => `${c.name} (${c.observe.kind}) within ${formatDuration(c.onTimeWithinMs)}`,
      );
      return [`  ${p.title}`, `      every ${every} from ${ways}, to be seen at ${places.join(', ')}`];
    }),
    '',
    `  The lab that carries them runs in this process, and is yours to break. Configuration and data: ${given.dataDir}`,
    '',
  ];
}

export function hints(url: string): string[] {
  const put = (faults: object) => `curl -X PUT ${url}/lab/faults -d '${JSON.stringify(faults)}'`;
  return [
    '',
    'Break something, with the buttons on the page or from another terminal:',
    '  # an agent loses one in five',
    `  ${put({ agents: { 'web-2': { drop: 0.2 } } })}`,
    '  # one stalls and looks healthy all the while; a restart ships what it had kept',
    `  ${put({ agents: { 'web-1': { stall: true } } })}`,
    `  curl -X POST ${url}/lab/agents/web-1/restart`,
    '  # the log store answers every query, with nothing',
    `  ${put({ store: { query: 'empty' } })}`,
    '  # all is well again; and what really became of every canary',
    `  curl -X DELETE ${url}/lab/faults`,
    `  curl ${url}/lab/truth`,
    '',
  ];
}

/** A notice as it comes to the demo's desk or crew. */
export function noticeLines({ to, type, title, text }: DeskNotice): string[] {
  const what = type.split('.').at(-1)?.toUpperCase() ?? type;
  return [
    '',
    `  ┌ NOTICE to the ${to}: ${what}, signature valid`,
    `  │ ${title}`,
    ...text.split('\n').map(l => `  │ ${l}`),
    '  └',
    '',
  ];
}
