/** Okta Log Streaming, as documented: two failed deliveries deactivate a stream, and nothing is replayed. */
import { deactivating } from '../scenario-models.ts';
import { createPath } from '../scenario-path.ts';
import { established, HOUR_MS, MINUTE_MS, type ScenarioSetup } from '../scenario-setup.ts';

const AWAY_MS = Date.UTC(2025, 2, 4, 9, 20);
const ACTIVATED_MS = Date.UTC(2025, 2, 5, 11);
const DOCS =
  'Okta’s documentation: https://help.okta.com/en-us/Content/Topics/Reports/log-streaming/about-log-streams.htm';

export const okta = (): ScenarioSetup => ({
  name: 'okta-log-streaming',
  title: 'Okta Log Streaming: a stream that deactivates itself',
  facts: [
    established(
      'If a delivery fails or times out it is tried again at once; two attempts are made, with no wait between, before the log stream is deactivated.',
      DOCS,
    ),
    established(
      'While it is deactivated nothing is sent. It must be activated by hand, and events of that time are not sent again.',
      DOCS,
    ),
  ],
  assumptions: [
    'This is what the documentation says may happen any day, not a dated incident: day and times are made up.',
    'The receiver is restarted at 09:20 UTC on 4 March 2025 and away for 20 seconds; a delivery takes 5 seconds to fail. Somebody finds the stream and activates it at 11:00 UTC the next day.',
    'One stream, with a canary a minute among its events.',
    'coalmine looks just after every deadline and needs two seconds for it; the looks themselves never fail.',
  ],
  startMs: Date.UTC(2025, 2, 3, 12),
  endMs: Date.UTC(2025, 2, 6),
  onsetMs: AWAY_MS,
  overMs: ACTIVATED_MS,
  noticedMs: null,
  pattern: 'outage',
  canaries: 'unpinned',
  noise: { late: 0.001, lost: 0 },
  eventsPerHour: 2_000,
  pipeline: {
    name: 'okta-system-log',
    title: 'Okta system log',
    checkpoint: 'splunk',
    agent: 'stream',
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
  path: () => {
    const spell = deactivating({
      agent: 0,
      awayMs: [[AWAY_MS, AWAY_MS + 20_000]],
      failsAfterMs: 5_000,
      attempts: 2,
      activatedMs: ACTIVATED_MS,
    });
    return createPath({ agents: 1, latencyMs: 10_000, spells: spell ? [spell] : [] });
  },
});
