/** One part of many: a partition of GitHub's audit log (2024), a cell of AWS's Kinesis (2024), Kafka partitions at Honeycomb (2025). */
import { dropping, stalled } from '../scenario-models.ts';
import { createPath } from '../scenario-path.ts';
import { established, HOUR_MS, MINUTE_MS, type ScenarioSetup } from '../scenario-setup.ts';

const LOOKS =
  'coalmine looks just after every deadline and needs two seconds for it; the looks themselves never fail.';

const COMMON = {
  canaries: 'pinned',
  noise: { late: 0.0005, lost: 0 },
  noticedMs: null,
} as const;

const objective = { onTime: 0.99, delivered: 0.999 };
const sampling = { everyMs: MINUTE_MS, covered: 1, sampling: 'uniform' } as const;

const GITHUB = 'GitHub’s own status history, July 2024: https://www.githubstatus.com/history';
const GITHUB_FROM_MS = Date.UTC(2024, 6, 25, 15, 30);
const GITHUB_RESTARTED_MS = Date.UTC(2024, 6, 25, 19, 10);
const GITHUB_DONE_MS = Date.UTC(2024, 6, 26, 0, 40);
const GITHUB_PARTITIONS = 32;

export const github = (): ScenarioSetup => ({
  ...COMMON,
  name: 'github-2024-07',
  title: 'GitHub, July 2024: one partition of the audit log falls behind',
  facts: [
    established(
      'On 25 July 2024, between 15:30 and 19:10 UTC, the audit log’s write performance was degraded; reads were not affected, and there was no data loss.',
      GITHUB,
    ),
    established(
      'It was isolated to a single partition of the datastore. The partition’s primary was restarted; the backlog was processed by about 00:40 UTC.',
      GITHUB,
    ),
  ],
  assumptions: [
    'There are 32 partitions, and a canary in each every minute; how many there are isn’t published.',
    'Nothing is written to the one partition until 19:10 UTC. What waited is written in order until 00:40, and what comes meanwhile is written at once.',
    LOOKS,
  ],
  startMs: Date.UTC(2024, 6, 25),
  endMs: Date.UTC(2024, 6, 27),
  onsetMs: GITHUB_FROM_MS,
  overMs: GITHUB_DONE_MS,
  pattern: 'by target',
  eventsPerHour: 400_000,
  pipeline: {
    name: 'audit-log',
    title: 'Audit log',
    checkpoint: 'audit-store',
    agent: 'partition',
    objective,
    falseAlarmsPerYear: 1,
    volume: true,
  },
  defaults: { ...sampling, onTimeWithinMs: 10 * MINUTE_MS, lostAfterMs: 2 * HOUR_MS },
  path: random => {
    const agent = Math.floor(random() * GITHUB_PARTITIONS);
    const drainMs = GITHUB_DONE_MS - GITHUB_RESTARTED_MS;
    const held = { agent, fromMs: GITHUB_FROM_MS, restartMs: GITHUB_RESTARTED_MS };
    const spells = [stalled({ ...held, holdsMs: Number.POSITIVE_INFINITY, drainMs })];
    return createPath({ agents: GITHUB_PARTITIONS, latencyMs: 30_000, spells });
  },
});

const AWS = 'AWS’s own report: https://aws.amazon.com/message/073024/';
/** 14:45 PDT. */
const AWS_FROM_MS = Date.UTC(2024, 6, 30, 21, 45);
const AWS_TO_MS = Date.UTC(2024, 6, 31, 4, 37);
const AWS_DRAIN_MS = 60 * MINUTE_MS;
const AWS_GROUPS = 20;
const AWS_IN_CELL = 5;

export const aws = (): ScenarioSetup => ({
  ...COMMON,
  name: 'aws-2024-07',
  title: 'AWS, July 2024: a Kinesis cell is impaired, and logs that go through it wait',
  facts: [
    established(
      'On 30 July 2024, from 14:45 to 21:37 PDT, services in us-east-1, among them CloudWatch Logs and Data Firehose, had higher latencies and error rates.',
      AWS,
    ),
    established(
      'The cause was an impaired cell of Kinesis Data Streams that only AWS’s own services use; other cells worked as usual.',
      AWS,
    ),
    established('CloudWatch Logs buffers log streams in Kinesis before it stores them.', AWS),
  ],
  assumptions: [
    'A customer has 20 log groups, of which 5 go through the impaired cell; a canary in each every minute.',
    'What those 5 take in is held by whoever sends it until 21:37 PDT, and arrives in order within an hour then. How much failed for good isn’t published, and is left out.',
    LOOKS,
  ],
  startMs: Date.UTC(2024, 6, 30, 6),
  endMs: Date.UTC(2024, 7, 1),
  onsetMs: AWS_FROM_MS,
  overMs: AWS_TO_MS + AWS_DRAIN_MS,
  pattern: 'stall then burst',
  eventsPerHour: 300_000,
  pipeline: {
    name: 'cloudwatch-logs',
    title: 'CloudWatch Logs',
    checkpoint: 'log-groups',
    agent: 'group',
    objective,
    falseAlarmsPerYear: 1,
    volume: true,
  },
  defaults: { ...sampling, onTimeWithinMs: 10 * MINUTE_MS, lostAfterMs: 2 * HOUR_MS },
  path: () =>
    createPath({
      agents: AWS_GROUPS,
      latencyMs: 20_000,
      spells: Array.from({ length: AWS_IN_CELL }, (_, i) =>
        stalled({
          agent: i * 4,
          fromMs: AWS_FROM_MS,
          restartMs: AWS_TO_MS,
          holdsMs: Number.POSITIVE_INFINITY,
          drainMs: AWS_DRAIN_MS,
        }),
      ),
    }),
});

const HONEYCOMB = 'Honeycomb’s own report: https://status.honeycomb.io/incidents/pjzh0mtqw3vt';
const HONEYCOMB_FROM_MS = Date.UTC(2025, 11, 5, 20, 23);
const HONEYCOMB_TO_MS = Date.UTC(2025, 11, 6, 1, 30);
const HONEYCOMB_NOTICED_MS = Date.UTC(2025, 11, 5, 20, 35);
const HONEYCOMB_PARTITIONS = 40;
const HONEYCOMB_DOWN = 10;

export const honeycomb = (): ScenarioSetup => ({
  ...COMMON,
  name: 'honeycomb-eu-2025-12',
  title: 'Honeycomb EU, December 2025: a quarter of the Kafka partitions take no writes',
  facts: [
    established(
      'On 5 December 2025 at 20:23 UTC a Kafka cluster lost its redundancy; by 20:35 alerts said that about a quarter of the event topic’s partitions took no writes.',
      HONEYCOMB,
    ),
    established(
      'For most customers traffic went to other partitions. For 0.23% of datasets all assigned partitions were among those down, and all their ingest was.',
      HONEYCOMB,
    ),
    established(
      'At 01:30 UTC on 6 December new leaders had been forced on all impacted ingestion partitions. The last recovery steps took until 17 December.',
      HONEYCOMB,
    ),
  ],
  assumptions: [
    'There are 40 partitions, of which 10 take no writes from 20:23 to 01:30 UTC; a canary a minute is bound to each, as the events of a dataset are whose partitions are all down. What is sent to one that is down is gone.',
    'Errors that everybody met for part of that evening while the ingest was overloaded, and what happened to other features later, are left out.',
    LOOKS,
  ],
  startMs: Date.UTC(2025, 11, 5),
  endMs: Date.UTC(2025, 11, 7),
  onsetMs: HONEYCOMB_FROM_MS,
  overMs: HONEYCOMB_TO_MS,
  noticedMs: HONEYCOMB_NOTICED_MS,
  pattern: 'outage',
  eventsPerHour: 900_000,
  pipeline: {
    name: 'events-eu',
    title: 'Events EU',
    checkpoint: 'storage',
    agent: 'partition',
    objective,
    falseAlarmsPerYear: 1,
    volume: true,
  },
  defaults: { ...sampling, onTimeWithinMs: 5 * MINUTE_MS, lostAfterMs: 2 * HOUR_MS },
  path: random => {
    const first = Math.floor(random() * HONEYCOMB_PARTITIONS);
    const spells = Array.from({ length: HONEYCOMB_DOWN }, (_, i) =>
      dropping((first + i * 4) % HONEYCOMB_PARTITIONS, HONEYCOMB_FROM_MS, HONEYCOMB_TO_MS),
    );
    return createPath({ agents: HONEYCOMB_PARTITIONS, latencyMs: 15_000, spells });
  },
});
