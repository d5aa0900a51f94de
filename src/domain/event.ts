/**
 * A written sign-in event: what a format makes of a canary, and what must be known to recognise it downstream.
 * The formats themselves stand one to a file in `formats/`.
 */

/** What every format is given. All values are plain text unless said; times are Unix milliseconds. */
export interface EventInput {
  /** The canary's token; a format puts it where its schema keeps an event's own id. */
  readonly token: string;
  /** The same identity as a UUIDv8, for fields that take only a GUID. */
  readonly uuid: string;
  /** The planned time; carried inside the payload because backends rewrite event time. */
  readonly slotMs: number;
  /** When this attempt is made. The event's own time. Any value will do to rebuild an event for recognition. */
  readonly nowMs: number;
  readonly target: string;
  readonly pipeline: string;
  /** Identity and addresses; all configurable, since some pipelines drop reserved ranges. */
  readonly user: string;
  readonly sourceIp: string;
  readonly sourcePort: number;
  readonly host: string;
  readonly userAgent: string;
  /** Adds fields that pipelines are known to break (about 105 KiB): `ocsf` and `ecs` only. */
  readonly hard?: boolean;
}

/**
 * A piece of a text event's line: literal text, the value of a significant field, or a value taken from the
 * time of the attempt: nobody downstream can know it, so any run of timestamp characters will do.
 */
export type LinePart = string | { readonly field: string } | { readonly volatile: string };

export interface WrittenEvent {
  /** The event as one line of text (JSON formats: one line of JSON). */
  readonly text: string;
  /** The same as a value, for injectors that speak JSON; absent for text formats. */
  readonly json?: Readonly<Record<string, unknown>>;
  /** Application name of a syslog header (`sshd`, `coalmine`). */
  readonly app: string;
  readonly timeMs: number;
  /**
   * The significant fields as text, by their path in the event (text formats: by name): what recognition and
   * integrity are judged by. Only stable ones: derived from the canary's name and the configuration, never from
   * the time of the attempt, so that an event rebuilt from its name has the same.
   */
  readonly fields: Readonly<Record<string, string>>;
  /** Fields of the same kind that integrity alone judges: a normaliser that drops them hasn't lost the event. */
  readonly hardFields?: Readonly<Record<string, string>>;
  /** Text formats: how `text` is put together from `fields`. Absent for JSON formats. */
  readonly parts?: readonly LinePart[];
}

/** One event format. Pure: the same input gives the same event. */
export interface EventFormat {
  readonly name: string;
  write(input: EventInput): WrittenEvent;
}
