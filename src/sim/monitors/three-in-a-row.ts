/** A canary with a fixed threshold: one a minute through whichever agent it meets, an alarm when three in a row are missing. */
import { createAlarm } from './alarm.ts';
import type { Monitor, MonitorSetting } from './monitor.ts';

const MISSING = 3;

export function createThreeInARow({ explained }: MonitorSetting): Monitor {
  const alarm = createAlarm(explained);
  let missing = 0;
  return {
    feed({ probeCanary, probeJudgedMs }) {
      missing = probeCanary === 'missing' ? missing + 1 : 0;
      alarm.set(missing >= MISSING, probeJudgedMs, () => `${MISSING} canaries in a row are missing`);
    },
    result: () => ({
      name: '3 in a row',
      setUp:
        'Sends one canary a minute by the same way as anybody’s events, through whichever agent takes it; alarms when 3 in a row haven’t arrived by their deadline. One alone would cry wolf on every hiccup.',
      ...alarm.result(),
    }),
  };
}
