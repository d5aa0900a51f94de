/** `coalmine test PIPELINE`: one canary, hop by hop, like `curl -v`. */
import type { Command } from 'commander';
import type { Config, PipelineConfig } from '../config/config.ts';
import { formatDuration, parseDuration, WordsError } from '../domain/words.ts';
import { loadConfig, pipelineOf } from './lib/config.ts';
import { context, interruption } from './lib/context.ts';
import { EXIT, usageError } from './lib/exit.ts';
import { writeJsonLine, writeLine } from './lib/output.ts';
import { findServer } from './lib/server.ts';
import { followTest, leavesOf, type Story, type TestSource } from './lib/test-run.ts';
import { testText } from './lib/test-text.ts';
import { addVerb, ends, withConfig } from './lib/verb.ts';

interface Options {
  readonly config: string;
  readonly target?: string;
  readonly timeout?: string;
  readonly json?: boolean;
}

const TIMEOUT_MIN_MS = 15_000;
const TIMEOUT_DEFAULT_MAX_MS = 10 * 60_000;
const TIMEOUT_MAX_MS = 24 * 3_600_000;
const SEND_WITHIN_MS = 75_000;
const STORY_WITHIN_MS = 10_000;

export const test = (program: Command): void => {
  withConfig(
    addVerb(program, 'test', {
      summary: 'send one canary and follow it, hop by hop',
      purpose:
        'Sends one canary through a pipeline and tells hop by hop what becomes of it, until it is settled at every end or time is up. The coalmine that runs with this configuration sends it and looks for it; where none answers, this process does both, on the same store, and sends nothing else. Test canaries are in no rate. With --json, one JSON document a line.',
      example: [
        'coalmine test ssh-to-loki --target web-1',
        'Prints what was sent, whether the first hop took it, and when each checkpoint saw it.',
      ],
      exits: {
        [EXIT.good]: 'delivered everywhere',
        [EXIT.bad]: 'lost, or refused by the first hop',
        [EXIT.unknown]: 'not settled when time was up: blind, not yet proven or pending',
      },
    }),
  )
    .argument('<pipeline>', 'its name in the configuration')
    .option('--target <name>', 'the first of the pipeline’s unless given')
    .option(
      '--timeout <duration>',
      'how long to follow it; by default a little more than the slowest on_time_within',
    )
    .action(
      ends(async (name: string, options: Options) => {
        const config = await loadConfig(options.config);
        const pipeline = pipelineOf(config, name);
        checkTarget(pipeline, options.target);
        const timeoutMs = timeoutOf(options.timeout, pipeline);
        const signal = interruption();
        const source = await open(config, pipeline, options.target, signal);
        try {
          const by = `${name} by ${source.by}, for at most ${formatDuration(timeoutMs)}`;
          if (options.json)
            await writeJsonLine({ event: 'begin', pipeline: name, by: source.by, timeout_ms: timeoutMs });
          else await writeLine(`* ${by}`);
          const result = await followTest({
            source,
            pipeline,
            timeoutMs,
            signal,
            tell: async event => {
              if (!options.json) return await writeLine(testText(event, pipeline));
              // A hop says all that is new.
              const { event: what, story, ...rest } = { story: undefined, ...event };
              const told = what === 'hop' ? rest : { ...rest, ...(story === undefined ? {} : { story }) };
              await writeJsonLine({ event: what, at_ms: context.clock.now(), ...told });
            },
          });
          return result.exit;
        } finally {
          await source.close();
        }
      }),
    );
};

function checkTarget(pipeline: PipelineConfig, target: string | undefined): void {
  if (target === undefined || pipeline.discovery || pipeline.targets.some(t => t.name === target)) return;
  const known = pipeline.targets.slice(0, 20).map(t => t.name);
  throw usageError(
    `there is no target ${JSON.stringify(target)} in ${pipeline.name}: known here: ${known.join(', ')}`,
  );
}

function timeoutOf(text: string | undefined, pipeline: PipelineConfig): number {
  if (text === undefined) {
    const leaves = leavesOf(pipeline);
    const ends = pipeline.checkpoints.filter(c => leaves.has(c.name));
    const slowestMs = Math.max(...ends.map(c => c.onTimeWithinMs + 2 * c.lookEveryMs + c.settleMs + 5_000));
    return Math.min(TIMEOUT_DEFAULT_MAX_MS, Math.max(TIMEOUT_MIN_MS, slowestMs));
  }
  try {
    const ms = parseDuration(text);
    if (ms > 0 && ms <= TIMEOUT_MAX_MS) return ms;
    throw usageError(`expected --timeout of at most 24h, found ${text}`);
  } catch (error) {
    if (error instanceof WordsError) throw usageError(`--timeout: ${error.message}`);
    throw error;
  }
}

async function open(
  config: Config,
  pipeline: PipelineConfig,
  target: string | undefined,
  signal: AbortSignal,
): Promise<TestSource> {
  const server = await findServer(config);
  if (!server) {
    const [{ testHere }, { storeTrouble }] = await Promise.all([
      import('./lib/test-here.ts'),
      import('./lib/store.ts'),
    ]);
    return await testHere(config, pipeline, target).catch(error => {
      throw storeTrouble(error);
    });
  }
  const query = target === undefined ? '' : `?target=${encodeURIComponent(target)}`;
  const path = `/api/v1/pipelines/${encodeURIComponent(pipeline.name)}/test${query}`;
  return {
    by: `the coalmine at ${server.url}`,
    send: async () =>
      (await server.ask(path, { method: 'POST', scope: 'emit', withinMs: SEND_WITHIN_MS, signal })) as Story,
    story: async name =>
      (await server.ask(`/api/v1/canaries/${name}`, {
        scope: 'read',
        withinMs: STORY_WITHIN_MS,
        signal,
      })) as Story,
    close: async () => {},
  };
}
