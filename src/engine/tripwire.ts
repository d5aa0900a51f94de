/** The tripwire on the canaries' identity, for the records that a pipeline's checkpoints show. */
import type { PipelineConfig } from '../config/config.ts';
import type { EventInput } from '../domain/event.ts';
import { recordOfProvoked, recordOfWritten } from '../domain/exclusions.ts';
import { needlesOf, type Shape, useIn } from '../domain/tripwire.ts';
import type { EventSource, LivePipeline, Tripwire } from './live.ts';

/** A pipeline's tripwire; undefined: its canaries have no identity. `all`: whose canaries may turn up here too. */
export function createTripwire(pipeline: LivePipeline, all: readonly LivePipeline[]): Tripwire | undefined {
  const own = shapeOfPipeline(pipeline);
  if (!own) return undefined;
  const needles = needlesOf(own);
  const lower = needles.map(n => n.toLowerCase());
  const others = (): Shape[] =>
    all
      .flatMap(p => [...(p === pipeline ? [] : [p.source]), ...p.otherSources])
      .flatMap(source => (source && shapeOfSource(source)) ?? []);
  return {
    needles,
    use(text) {
      const folded = text.toLowerCase();
      return lower.some(n => folded.includes(n)) ? useIn(text, own, others) : null;
    },
  };
}

const shapeOfPipeline = ({ source, config }: LivePipeline): Shape | null =>
  source ? shapeOfSource(source) : shapeOfProvoked(config);

const shapes = new WeakMap<EventSource, Shape | null>();

/** null: its events don't say who signs in. */
function shapeOfSource(source: EventSource): Shape | null {
  const known = shapes.get(source);
  if (known !== undefined) return known;
  const made = shapeOf(source);
  shapes.set(source, made);
  return made;
}

function shapeOf({ pipeline, event, format }: EventSource): Shape | null {
  const { user, sourceIp, userAgent } = event;
  const write = (
    other: Pick<EventInput, 'token' | 'uuid' | 'slotMs' | 'nowMs' | 'target' | 'host' | 'sourcePort'>,
  ) => format.write({ pipeline, user, sourceIp, userAgent, ...other });
  try {
    return {
      record: recordOfWritten({ pipeline, format, user, sourceIp, userAgent, syslog: false }),
      events: [
        write({ token: 'a', uuid: 'a', slotMs: 1, nowMs: 1, target: 'a', host: 'a', sourcePort: 1 }),
        write({ token: 'b', uuid: 'b', slotMs: 2, nowMs: 2, target: 'b', host: 'b', sourcePort: 2 }),
      ],
    };
  } catch {
    return null;
  }
}

function shapeOfProvoked({ name, inject }: PipelineConfig): Shape | null {
  const settings = (inject.settings ?? {}) as Readonly<Record<string, unknown>>;
  const text = (key: string) => (typeof settings[key] === 'string' ? settings[key] : null);
  const user = settings.grant === 'client_credentials' ? null : text('username');
  const client = text('client_id');
  if (user === null && client === null) return null;
  const record = recordOfProvoked({
    pipeline: name,
    user,
    client,
    sourceIp: null,
    userAgent: '',
    tokenInAgent: false,
  });
  return { record, events: null };
}
