/** Times as Loki's API takes them: nanoseconds, seconds (with a fraction or not) or RFC 3339. */

/** Unix nanoseconds, or undefined where the text is none of these. Ten digits or fewer are seconds, as in Loki. */
export function lokiTimeNs(text: string): bigint | undefined {
  if (/^-?\d+$/.test(text)) {
    const number = BigInt(text);
    return text.replace('-', '').length <= 10 ? number * 1_000_000_000n : number;
  }
  const seconds = /^(\d+)\.(\d+)$/.exec(text);
  if (seconds) return BigInt(seconds[1]!) * 1_000_000_000n + fractionNs(seconds[2]!);
  const rfc3339 = /^(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)$/.exec(text);
  if (!rfc3339) return undefined;
  const ms = Date.parse(`${rfc3339[1]!.toUpperCase().replace(' ', 'T')}${rfc3339[3]!.toUpperCase()}`);
  return Number.isNaN(ms) ? undefined : BigInt(ms) * 1_000_000n + fractionNs(rfc3339[2] ?? '0');
}

const fractionNs = (digits: string): bigint => BigInt(digits.slice(0, 9).padEnd(9, '0'));
