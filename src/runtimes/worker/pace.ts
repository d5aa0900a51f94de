/** Whether a tick a minute, which is all that a cron trigger gives, is enough for a configuration. Pure. */
import type { Config, PipelineConfig, ScheduleConfig } from '../../config/config.ts';
import { formatDuration } from '../../domain/words.ts';

const MINUTE_MS = 60_000;
/** A beat may be a minute old at the tick that finds it due, and triggers run late themselves. */
export const SEND_WITHIN_MIN_MS = 90_000;

/** What needs a tick a second, each as a sentence with what to do instead; none: a tick a minute is enough. */
export const needsSeconds = (config: Config): string[] => config.pipelines.flatMap(needsOf);

function needsOf(pipeline: PipelineConfig): string[] {
  const at = `pipelines.${pipeline.name}`;
  const needs: string[] = [];
  if (isWithinMinute(pipeline.schedule)) {
    needs.push(
      `${at}: beats closer than a minute leave in clumps with a tick a minute; set every to 1m or more`,
    );
  }
  if (pipeline.sendWithinMs < SEND_WITHIN_MIN_MS) {
    const found = formatDuration(pipeline.sendWithinMs);
    needs.push(
      `${at}: with a tick a minute, beats older than send_within (${found}) stay unsent; raise it to 90s`,
    );
  }
  for (const c of pipeline.checkpoints) {
    if (c.lookEveryMs >= MINUTE_MS) continue;
    const found = formatDuration(c.lookEveryMs);
    needs.push(
      `${at}.checkpoints.${c.name}: a look every ${found} isn't possible with a tick a minute, and the checkpoint ` +
        'would often count as blind; set look_every to 1m, or on_time_within to 3m or more',
    );
  }
  return needs;
}

/** A cron expression fires within the minute unless its first field, the second, is a single number. */
const isWithinMinute = (s: ScheduleConfig): boolean =>
  s.kind === 'every' ? s.everyMs < MINUTE_MS : !/^\s*\d+\s/.test(s.expression);
