/** "Did you mean …?": the known word nearest to a mistyped one. */

/** Insertions, deletions, replacements and swaps of neighbours between two words (optimal string alignment). */
const editDistance = (a: string, b: string): number => {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let least = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, beforeLast[j - 2]! + 1);
      }
      row.push(least);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
};

const WORD_CHARS_MAX = 100;

/** The nearest of `known`, if it is near enough to be a slip: a third of the word, and at least one letter. */
export const nearest = (word: string, known: Iterable<string>): string | undefined => {
  if (word.length > WORD_CHARS_MAX) return undefined;
  const plain = (w: string) => w.toLowerCase().replaceAll('-', '_');
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(plain(word), plain(candidate.slice(0, WORD_CHARS_MAX)));
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
};

/** The fix for an unknown word: the near one, or all there are. */
export const meant = (word: string, known: Iterable<string>): string => {
  const all = [...known];
  const near = nearest(word, all);
  if (near !== undefined) return `did you mean ${JSON.stringify(near)}?`;
  return all.length === 0 ? 'there are none' : `known here: ${all.slice(0, 30).join(', ')}`;
};
