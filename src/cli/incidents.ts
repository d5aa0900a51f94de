/** `coalmine incidents`: what is lost, blind or broken, and what people say of it. */
import { userInfo } from 'node:os';
import type { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { NOTE_CHARS_MAX, type Saying } from '../domain/incident-note.ts';
import { parseDuration, WordsError } from '../domain/words.ts';
import { loadConfig, pipelineOf } from './lib/config.ts';
import { context } from './lib/context.ts';
import { EXIT, type ExitCode, usageError } from './lib/exit.ts';
import { type IncidentSource, LIST_MAX } from './lib/incident-answers.ts';
import { exitOfIncident, exitOfIncidents, incidentsText, storyText } from './lib/incident-text.ts';
import { note as remark, writeJson, writeLine } from './lib/output.ts';
import { addVerb, ends, withConfig } from './lib/verb.ts';

interface Options {
  readonly config: string;
  readonly json?: boolean;
}

const ID_MAX = 2_147_483_647;
const UNREACHABLE = 'the store can’t be reached, and no running coalmine answers';

export const incidents = (program: Command): void => {
  const group = program
    .command('incidents')
    .summary('what is lost, blind or broken, and who has taken it')
    .description(
      'Lists incidents, tells one in full, takes it, notes something down. An incident is a proven, lasting departure from the objective, or a trouble of coalmine’s own. Reads and writes the store beside a running coalmine; where it can’t, asks the running one over HTTP. `coalmine incidents` alone is `coalmine incidents list`.',
    );
  list(group);
  show(group);
  ack(group);
  note(group);
};

const CANT_SEE = 'only “can’t see” and other troubles of our own are open';

const list = (group: Command): void => {
  withConfig(
    addVerb(group, 'list', {
      isDefault: true,
      summary: 'open incidents, and those that ended lately',
      purpose:
        'Lists open incidents and those that ended within --since, newest first, one a line. The exit code is of the open ones.',
      example: [
        'coalmine incidents --open --pipeline ssh-to-loki',
        'What is open on one pipeline. As a check in Nagios or Icinga, map 1 to critical.',
      ],
      exits: {
        [EXIT.good]: 'none is open, or only what is for information',
        [EXIT.bad]: 'an incident of loss is open, or a canary that never left was seen',
        [EXIT.unknown]: `${CANT_SEE}, or ${UNREACHABLE}`,
      },
    }),
  )
    .option('--open', 'only those that last')
    .option('--pipeline <name>', 'only of this one')
    .option('--since <duration>', 'how long ago the others ended at most', '7d')
    .action(
      ends(async (options: Options & { open?: boolean; pipeline?: string; since: string }) => {
        const sinceMs = sinceOf(options.since);
        const config = await loadConfig(options.config);
        const of =
          options.pipeline === undefined ? {} : { pipeline: pipelineOf(config, options.pipeline).name };
        const [open, ended] = await withIncidents(config, async source => [
          await source.list({ ...of, state: 'open' }),
          options.open ? { data: [], more: false } : await source.list({ ...of, state: 'ended', sinceMs }),
        ]);
        const all = [...open.data, ...ended.data];
        if (options.json) await writeJson({ data: all, more: open.more || ended.more });
        else {
          const none = options.open
            ? 'no incident is open'
            : `no incident is open, and none ended within ${options.since}`;
          await writeLine(all.length === 0 ? none : incidentsText(all, context.clock.now()));
          if (open.more || ended.more)
            remark(`coalmine: there are more than ${LIST_MAX}; the newest are listed`);
        }
        return exitOfIncidents(open.data);
      }),
    );
};

const show = (group: Command): void => {
  withConfig(
    addVerb(group, 'show', {
      summary: 'one incident in full',
      purpose:
        'Tells one incident as a colleague would: what, where, since when, how much, what it looks like, where to hunt again and what to do first; then what people were told and what they noted.',
      example: [
        'coalmine incidents show 7',
        'The number stands in the list, in every notice’s link and on the page.',
      ],
      exits: {
        [EXIT.good]: 'it has ended, or is only for information',
        [EXIT.bad]: 'it is open, and of loss',
        [EXIT.unknown]: `it is open, and a trouble of our own, or ${UNREACHABLE}`,
      },
    }),
  )
    .argument('<id>', 'its number')
    .action(
      ends(async (id: string, options: Options) => {
        const number = idOf(id);
        const config = await loadConfig(options.config);
        const story = await withIncidents(config, source => source.story(number));
        await (options.json ? writeJson(story) : writeLine(storyText(story)));
        return exitOfIncident(story);
      }),
    );
};

const ack = (group: Command): void => {
  withConfig(
    addVerb(group, 'ack', {
      summary: 'take an incident: reminders stop',
      purpose:
        'Takes an incident: reminders stop, and everybody sees who has it. What gets worse is still told.',
      example: [
        'coalmine incidents ack 7 --by Kim --note "restarting the agent on web-1"',
        'Takes it, with a note.',
      ],
      exits: { [EXIT.good]: 'taken', [EXIT.unknown]: UNREACHABLE },
    }),
  )
    .argument('<id>', 'its number')
    .option('--by <name>', 'who takes it; this account’s name unless given')
    .option('--note <text>', 'what is to be said with it')
    .action(
      ends(async (id: string, options: Options & { by?: string; note?: string }) => {
        const text = options.note ?? '';
        return await say(idOf(id), { kind: 'ack', by: options.by ?? account(), text }, options);
      }),
    );
};

const note = (group: Command): void => {
  withConfig(
    addVerb(group, 'note', {
      summary: 'note something down',
      purpose: 'Notes something down on an incident, for everybody who reads its page.',
      example: [
        'coalmine incidents note 7 "the dispatcher hung; restarted 14:02"',
        'Stands on the page at once.',
      ],
      exits: { [EXIT.good]: 'noted', [EXIT.unknown]: UNREACHABLE },
    }),
  )
    .argument('<id>', 'its number')
    .argument('<text>', `at most ${NOTE_CHARS_MAX} characters`)
    .option('--by <name>', 'who says it; this account’s name unless given')
    .action(
      ends(async (id: string, text: string, options: Options & { by?: string }) => {
        if (text.trim() === '') throw usageError('expected a note that says something');
        return await say(idOf(id), { kind: 'note', by: options.by ?? account(), text }, options);
      }),
    );
};

/** Loaded now: the store and the API are heavy, and help needs neither. */
const withIncidents = async <T>(config: Config, work: (source: IncidentSource) => Promise<T>): Promise<T> =>
  await (await import('./lib/incident-source.ts')).withIncidents(config, work);

async function say(id: number, saying: Saying, options: Options): Promise<ExitCode> {
  if (saying.text.length > NOTE_CHARS_MAX)
    throw usageError(`expected a note of at most ${NOTE_CHARS_MAX} characters, found ${saying.text.length}`);
  if (saying.by.trim() === '') throw usageError('expected --by with a name');
  const config = await loadConfig(options.config);
  const said = await withIncidents(config, source => source.say(id, saying));
  const what = said.kind === 'ack' ? `taken by ${said.by}` : `noted by ${said.by}`;
  await (options.json ? writeJson(said) : writeLine(`incident ${id}: ${what}`));
  return EXIT.good;
}

/** The name of whoever runs this; an account may have none. */
function account(): string {
  try {
    return userInfo().username;
  } catch {
    return 'somebody at a terminal';
  }
}

function idOf(text: string): number {
  const id = /^[1-9]\d{0,9}$/.test(text) ? Number(text) : Number.NaN;
  if (id <= ID_MAX) return id;
  throw usageError(`expected the number of an incident, such as 7, found ${JSON.stringify(text)}`);
}

function sinceOf(text: string): number {
  try {
    return Math.max(0, context.clock.now() - parseDuration(text));
  } catch (error) {
    if (error instanceof WordsError) throw usageError(`--since: ${error.message}`);
    throw error;
  }
}
