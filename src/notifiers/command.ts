// Runs a program of yours for each notice: the notice is JSON on its standard input, its gist is in its environment. No
// shell reads anything, and of our own environment the program gets only what it takes to run.
//
// Exit codes: 0 delivered. 64 (usage), 65 (data), 67 (no such user), 77 (no permission), 78 (configuration) of sysexits.h,
// and a shell's 126 (not executable) and 127 (not found): permanent. All others, 75 (try again) first, are tried again.
import { z } from 'zod';
import type { Context } from '../contracts/context.ts';
import { defineNotifier } from '../contracts/define.ts';
import { type Notice, type Notifier, Permanent, type Receipt, Retry } from '../contracts/notifier.ts';
import type { Json } from '../contracts/observer.ts';
import { notifierOf } from './lib/deliver.ts';
import { eventType, isoTime, noticeJson } from './lib/notice.ts';
import { type Ran, run } from './lib/run.ts';
import { type Scrub, scrubber } from './lib/scrub.ts';
import { timeout } from './lib/settings.ts';
import { cut, oneLine } from './lib/text.ts';

const schema = z.strictObject({
  command: z
    .array(
      z
        .string()
        .max(4096)
        .regex(/^[^\0]*$/, 'expected text without NUL'),
    )
    .min(1)
    .max(100)
    .refine(argv => argv[0] !== '', 'expected a program')
    .describe('The program and its arguments, as they are: no shell. Relative names are looked for in PATH'),
  env: z
    .record(
      z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'expected the name of a variable'),
      z
        .string()
        .max(32_768)
        .regex(/^[^\0]*$/, 'expected text without NUL'),
    )
    .default({})
    .meta({ writeOnly: true })
    .describe(
      'Variables for it, beside PATH, HOME, LANG, LC_ALL, TZ, TMPDIR and COALMINE_*; secrets go here',
    ),
  cwd: z.string().min(1).max(4096).optional().describe('Where it runs; coalmine’s own folder unless given'),
  timeout,
});
type Settings = z.output<typeof schema>;

const PERMANENT = new Set([64, 65, 67, 77, 78, 126, 127]);
const NOT_THERE = new Set(['ENOENT', 'EACCES', 'ENOTDIR', 'ENOEXEC', 'E2BIG']);
const INHERITED = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'];
const VALUE_MAX = 2000;

const environmentOf = (notice: Notice, s: Settings): Record<string, string> => {
  const inherited = INHERITED.flatMap(name => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  const own = {
    EVENT: notice.event,
    NOTICE_ID: notice.id,
    INCIDENT: notice.incident,
    SEQUENCE: String(notice.sequence),
    KIND: notice.kind,
    CONCERNS: notice.concerns,
    SEVERITY: notice.severity,
    PIPELINE: notice.pipeline.name,
    CHECKPOINT: notice.checkpoint ?? '',
    TITLE: notice.title,
    URL: notice.url ?? '',
  };
  const told = Object.entries(own).map(
    ([name, value]) => [`COALMINE_${name}`, cut(oneLine(value), VALUE_MAX)] as const,
  );
  return { ...Object.fromEntries(inherited), ...s.env, ...Object.fromEntries(told) };
};

/** The receipt is what the program says on standard output, where that is a JSON object. */
const receiptOf = ({ out }: Ran): Receipt => {
  try {
    const said = JSON.parse(out) as Json;
    return typeof said === 'object' && said !== null && !Array.isArray(said) ? (said as Receipt) : {};
  } catch {
    return {};
  }
};

const meaningOf = (ran: Ran, s: Settings, scrub: Scrub): Error | undefined => {
  const name = s.command[0];
  if (ran.how === 'failed') {
    const words = `${name} could not be run (${ran.code}): check command and cwd`;
    return NOT_THERE.has(ran.code) ? new Permanent(words) : new Retry(words);
  }
  if (ran.how === 'timeout') return new Retry(`${name} did not end within ${s.timeout} ms and was killed`);
  if (ran.how === 'aborted') return new Retry(`${name} was stopped before it ended`);
  if (ran.exit === 0) return undefined;
  const said = scrub(ran.err.trim() === '' ? ran.out : ran.err, 'end');
  const how = ran.exit === null ? `was ended by ${ran.signal}` : `ended with exit code ${ran.exit}`;
  const words = `${name} ${how}${said === '' ? '' : `: ${said}`}`;
  return ran.exit !== null && PERMANENT.has(ran.exit) ? new Permanent(words) : new Retry(words);
};

const create = (s: Settings, ctx: Context): Notifier => {
  const scrub = scrubber(Object.values(s.env));
  return notifierOf(scrub, async (notice, previous, signal) => {
    const input = JSON.stringify({
      type: eventType(notice),
      timestamp: isoTime(notice.atMs),
      data: noticeJson(notice),
      previous,
    });
    const env = environmentOf(notice, s);
    const given = { argv: s.command, env, input, ...(s.cwd === undefined ? {} : { cwd: s.cwd }) };
    const ran = await run(given, { clock: ctx.clock, ms: s.timeout, signal });
    const error = meaningOf(ran, s, scrub);
    if (error !== undefined) throw error;
    return receiptOf(ran);
  });
};

export default defineNotifier({
  kind: 'command',
  summary: 'Runs a program of yours with each notice on its standard input',
  schema,
  runtimes: ['node'],
  traits: { repeatEveryMs: null },
  create,
});
