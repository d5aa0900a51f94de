/** Cloudflare, November 2024: a blank configuration, then buffers that overload: more than half of the customers' logs are lost. */
import { randomOf } from '../random.ts';
import { dropping } from '../scenario-models.ts';
import { createPath } from '../scenario-path.ts';
import { established, HOUR_MS, MINUTE_MS, reported, type ScenarioSetup } from '../scenario-setup.ts';

const ONSET_MS = Date.UTC(2024, 10, 14, 11, 43);
const REVERTED_MS = ONSET_MS + 5 * MINUTE_MS;
const OVER_MS = ONSET_MS + 3.5 * HOUR_MS;
/** Ways that a record may go, each as likely: what a shard of the buffers holds. */
const SHARDS = 1_000;
const LOST = 0.55;

const BLOG =
  'Cloudflare’s own report: https://blog.cloudflare.com/cloudflare-incident-on-november-14-2024-resulting-in-lost-logs';
const PRESS =
  'Press on it: https://cybernoz.com/cloudflare-says-it-lost-55-of-logs-pushed-to-customers-for-3-5-hours';

/** All of the first five minutes, and then as many of each as make 55% of the whole. */
function shardsLost(): number {
  const whole = OVER_MS - ONSET_MS;
  const blank = REVERTED_MS - ONSET_MS;
  return Math.round((SHARDS * (LOST * whole - blank)) / (whole - blank));
}

/** Which records are lost changes all the time: the shards that lose change every minute. */
function spells(random: () => number) {
  const all = Array.from({ length: SHARDS }, (_, agent) => dropping(agent, ONSET_MS, REVERTED_MS));
  const seed = Math.floor(random() * 2 ** 31);
  for (let fromMs = REVERTED_MS; fromMs < OVER_MS; fromMs += MINUTE_MS) {
    const draw = randomOf(seed, `minute ${fromMs}`);
    const shift = Math.floor(draw() * SHARDS);
    for (let i = 0; i < shardsLost(); i++)
      all.push(dropping((i + shift) % SHARDS, fromMs, Math.min(OVER_MS, fromMs + MINUTE_MS)));
  }
  return all;
}

export const cloudflare = (): ScenarioSetup => ({
  name: 'cloudflare-2024-11',
  title: 'Cloudflare, November 2024: a blank configuration and buffers that overload',
  facts: [
    established(
      'On 14 November 2024, for about three and a half hours, about 55% of the logs that are normally sent to customers were not sent and were lost.',
      BLOG,
    ),
    established(
      'A blank configuration told the forwarder that no customer’s logs were to be forwarded. It was reverted within about five minutes.',
      BLOG,
    ),
    established(
      'The forwarder’s fail-safe then sent the logs of all customers. The buffers grew about fortyfold, were overloaded, and had to be reset and restarted.',
      BLOG,
    ),
    reported(
      'It began at 11:43 UTC; ordinarily some 4.5 trillion events a day are sent to customers.',
      PRESS,
    ),
  ],
  assumptions: [
    'Everything is lost in the first five minutes, and then each record with the same chance until 15:13 UTC, so that 55% of the whole is. How it was spread over time and customers isn’t published.',
    'One customer’s logs, with a canary a minute; what isn’t lost arrives as usual.',
    'The buffers stop answering health requests from 11:48 UTC to the end: they are a fifth of what an uptime check asks.',
    'coalmine looks just after every deadline and needs two seconds for it; the looks themselves never fail.',
  ],
  startMs: Date.UTC(2024, 10, 13, 12),
  endMs: Date.UTC(2024, 10, 15),
  onsetMs: ONSET_MS,
  overMs: OVER_MS,
  noticedMs: null,
  pattern: 'random drop',
  canaries: 'unpinned',
  noise: { late: 0.001, lost: 0 },
  eventsPerHour: 600_000,
  unhealthy: [{ fromMs: REVERTED_MS, toMs: OVER_MS, share: 0.2 }],
  pipeline: {
    name: 'edge-logs',
    title: 'Edge logs',
    checkpoint: 'bucket',
    agent: 'zone',
    objective: { onTime: 0.99, delivered: 0.999 },
    falseAlarmsPerYear: 1,
    volume: true,
  },
  defaults: {
    everyMs: MINUTE_MS,
    covered: 1,
    sampling: 'uniform',
    onTimeWithinMs: 5 * MINUTE_MS,
    lostAfterMs: HOUR_MS,
  },
  path: random => createPath({ agents: SHARDS, latencyMs: 30_000, spells: spells(random) }),
});
