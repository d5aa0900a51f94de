/** `coalmine simulate`: an incident that happened, on simulated time: what coalmine would have said, and what others would. */
import { writeFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { type Command, Option } from 'commander';
import { meant } from '../config/nearest.ts';
import { parseDuration, parsePercent, WordsError } from '../domain/words.ts';
import type { ScenarioOptions, ScenarioResult } from '../sim/scenario.ts';
import { runScenario } from '../sim/scenario-run.ts';
import { SCENARIO_NAMES, scenarioOf } from '../sim/scenarios/index.ts';
import { isGood } from '../sim/show/account.ts';
import { scenarioJson } from '../sim/show/json.ts';
import type { Paint } from '../sim/show/look.ts';
import { pictureOf } from '../sim/show/picture.ts';
import { screenOf } from '../sim/show/screen.ts';
import { EXIT, type ExitCode, usageError } from './lib/exit.ts';
import { columns, note, paint, writeJson, writeLine } from './lib/output.ts';
import { addVerb, ends } from './lib/verb.ts';

interface Options {
  readonly every?: string;
  readonly covered?: string;
  readonly sampling?: ScenarioOptions['sampling'];
  readonly onTimeWithin?: string;
  readonly lostAfter?: string;
  readonly seed?: string;
  readonly json?: boolean;
  readonly timing?: boolean;
  readonly svg?: string;
  readonly full?: boolean;
}

const COLUMNS = 80;
const SEED_MAX = 2 ** 31 - 1;

export const simulate = (program: Command): void => {
  addVerb(program, 'simulate', {
    summary: 'an incident that happened: what would have been said, and when',
    purpose:
      'Replays a known incident on simulated time, with the judging and detecting of `coalmine run`, and shows on one screen: what is fact and what is assumed, what coalmine would have said and when, its extent beside the truth, and what an uptime check, a “last event seen” monitor, a volume alert and a fixed-threshold canary would have said of the same events. Without NAME: which there are. Nothing is sent, and no configuration is read.',
    example: [
      'coalmine simulate microsoft-2024-09 --covered 10% --svg incident.svg',
      'Agents stop uploading, a few more each day; only every tenth carries canaries. The screen, and the same as a picture. A seed gives the same result every time.',
    ],
    exits: {
      [EXIT.good]: 'the incident was found, and nothing false was said',
      [EXIT.bad]: 'the incident was missed, or there was a false alarm',
    },
  })
    .argument('[name]', 'of a scenario')
    .option('--every <duration>', 'how often each target sends a canary')
    .option('--covered <share>', 'share of the agents that carry canaries')
    .addOption(
      new Option('--sampling <how>', 'when in its slot a canary is sent').choices([
        'uniform',
        'poisson',
        'fixed',
      ]),
    )
    .option('--on-time-within <duration>', 'after which a canary is late')
    .option('--lost-after <duration>', 'after which one that isn’t there is lost')
    .option('--seed <number>', 'another course of what chance decides')
    .option('--svg <file>', 'also write the picture there')
    .option('--timing', 'with --json: also how long it took')
    .addOption(new Option('--full', 'the whole engine instead of its judging alone').hideHelp())
    .action(
      ends(async (name: string | undefined, options: Options) => {
        if (options.full)
          throw usageError(
            '--full isn’t there yet: a scenario runs what judges and detects, without store and adapters',
          );
        return name === undefined ? list(options) : run(name, options);
      }),
    );
};

async function list(options: Options): Promise<ExitCode> {
  const { json, ...rest } = options;
  if (Object.keys(rest).length > 0)
    throw usageError(`expected a NAME with these options: ${SCENARIO_NAMES.join(', ')}`);
  const all = SCENARIO_NAMES.map(scenarioOf);
  if (json) {
    await writeJson(all.map(({ name, title }) => ({ name, title })));
    return EXIT.good;
  }
  await writeLine(columns(all.map(({ name, title }) => [paint('bold', name), title])));
  return EXIT.good;
}

async function run(name: string, options: Options): Promise<ExitCode> {
  if (!SCENARIO_NAMES.includes(name))
    throw usageError(`there is no scenario ${JSON.stringify(name)}: ${meant(name, SCENARIO_NAMES)}`);
  if (process.stderr.isTTY) note(`Simulating ${name} …`);
  const result = ran(name, asked(options));
  if (options.svg !== undefined) writePicture(options.svg, result);
  if (options.json) await writeJson(scenarioJson(result, { withTime: options.timing ?? false }));
  else
    await writeLine(
      screenOf(result, { columns: process.stdout.columns ?? COLUMNS, ascii: isAscii(), paint: ink }),
    );
  return isGood(result) ? EXIT.good : EXIT.bad;
}

function ran(name: string, options: Partial<ScenarioOptions>): ScenarioResult {
  try {
    return runScenario(name, options, () => performance.now());
  } catch (error) {
    // What only the scenario knows of its options: which deadlines and rates it can be run with.
    if (error instanceof RangeError && error.message.startsWith('expected')) throw usageError(error.message);
    throw error;
  }
}

function asked(o: Options): Partial<ScenarioOptions> {
  const given = {
    everyMs: read('--every', o.every, parseDuration),
    covered: read('--covered', o.covered, parsePercent),
    sampling: o.sampling,
    onTimeWithinMs: read('--on-time-within', o.onTimeWithin, parseDuration),
    lostAfterMs: read('--lost-after', o.lostAfter, parseDuration),
    seed: read('--seed', o.seed, seedOf),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function read<T>(flag: string, text: string | undefined, parse: (text: string) => T): T | undefined {
  if (text === undefined) return undefined;
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof WordsError) throw usageError(`${flag}: ${error.message}`);
    throw error;
  }
}

function seedOf(text: string): number {
  const seed = Number(text);
  if (/^\d{1,10}$/.test(text) && seed <= SEED_MAX) return seed;
  throw usageError(`expected --seed as a whole number from 0 to ${SEED_MAX}, found ${text}`);
}

function writePicture(file: string, result: ScenarioResult): void {
  try {
    writeFileSync(file, pictureOf(result));
  } catch (error) {
    throw usageError(`--svg: ${file} can’t be written: ${(error as Error).message}`);
  }
}

const ink: Paint = (colour, text) => (colour === 'plain' ? text : paint(colour, text));

/** A locale that is named and isn't UTF-8 has no block characters; one that isn't named mostly has. */
function isAscii(): boolean {
  const { LC_ALL, LC_CTYPE, LANG, TERM } = process.env;
  const locale = LC_ALL || LC_CTYPE || LANG || '';
  return TERM === 'dumb' || (locale !== '' && !/utf-?8/i.test(locale));
}
