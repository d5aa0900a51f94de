/** Values that pipelines are known to break, for integrity: cut pads, mangled characters, changed types. */

/** Marks the end of a pad: a pad without it was cut. */
const SENTINEL = '#end';
const pad = (bytes: number): string => 'x'.repeat(bytes - SENTINEL.length) + SENTINEL;

/** Constant, so it takes part in integrity. The pads stand one byte over the sizes at which backends cut. */
const VALUES = {
  pad_1k: pad(1024 + 1),
  pad_8k: pad(8 * 1024 + 1),
  pad_32k: pad(32 * 1024 + 1),
  pad_64k: pad(64 * 1024 + 1),
  emoji: '🐤 👩‍🚒 🏴‍☠️',
  combining: 'e\u0301 n\u0303 a\u0308\u0323',
  right_to_left: 'שלום abc السلام',
  quoting: 'a "b" \'c\' \\ d\n\te',
  // 2⁵³ + 2: survives a double, so what is caught is a rewriting (9.007199254740994E15), not the lost last bit.
  integer: 2 ** 53 + 2,
  nanoseconds: '2026-01-02T03:04:05.123456789+05:30',
  nested: ['outer', ['inner', ['innermost']]],
  boolean: true,
  boolean_text: 'true',
} as const;

/** The hard fields as a JSON value. */
export const hardFields = (): Readonly<Record<string, unknown>> => VALUES;
