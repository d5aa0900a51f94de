/** An uptime check: asks every agent and the service for their health once a minute. */
import { createAlarm } from './alarm.ts';
import type { Monitor, MonitorSetting } from './monitor.ts';

const FAILURES = 3;
/** In a large fleet some host is always being restarted; of one agent, this is that agent. */
const DOWN_SHARE = 0.01;
const ROUNDING = 1e-9;

export function createUptime({ explained }: MonitorSetting): Monitor {
  const alarm = createAlarm(explained);
  let failures = 0;
  return {
    feed({ atMs, agentsAnswering }) {
      const down = 1 - agentsAnswering;
      failures = down > DOWN_SHARE + ROUNDING ? failures + 1 : 0;
      alarm.set(
        failures >= FAILURES,
        atMs,
        () => `${(down * 100).toFixed(0)}% of the agents don’t answer, ${FAILURES} checks in a row`,
      );
    },
    result: () => ({
      name: 'uptime check',
      setUp:
        'Asks every agent and the service over HTTP once a minute; alarms when more than 1% don’t answer 3 times in a row. One failure is often the network’s, and in a large fleet some host is always being restarted.',
      ...alarm.result(),
    }),
  };
}
