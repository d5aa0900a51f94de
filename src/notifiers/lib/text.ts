// Text that fits: one line of it, so many characters of it, so much of it as stays within a limit once it is escaped.

/** Tabs and line ends aside, what steers a terminal or isn't valid XML; and halves of a surrogate pair. */
const CONTROLS = /[^\P{Cc}\t\n]/gu;
const LONE_SURROGATES = /\p{Cs}/gu;

/** Lines of printable, well-formed text. */
export const printable = (text: string): string =>
  text.replace(/\r\n?/g, '\n').replace(CONTROLS, ' ').replace(LONE_SURROGATES, '\ufffd').trim();

/** The same on one line. */
export const oneLine = (text: string): string => printable(text).replace(/\s+/gu, ' ');

/** At most `charsMax` UTF-16 units, of which `remark` takes the end where something is left out; no character is halved. */
export const cut = (text: string, charsMax: number, remark = '…'): string => {
  if (text.length <= charsMax) return text;
  const kept = text.slice(0, Math.max(0, charsMax - remark.length)).replace(/[\ud800-\udbff]$/, '');
  return `${kept}${remark}`.slice(0, charsMax);
};

/** As much of `text` as has at most `charsMax` units after `escaped`, and no escape is halved. */
export const cutEscaped = (
  text: string,
  charsMax: number,
  escaped: (text: string) => string,
  remark = '…',
): string => {
  const whole = escaped(text);
  if (whole.length <= charsMax) return whole;
  const left = charsMax - remark.length;
  let out = '';
  for (const character of text) {
    const piece = escaped(character);
    if (out.length + piece.length > left) break;
    out += piece;
  }
  return `${out}${remark}`;
};

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
/** What Slack and HTML text need. */
export const escapeAngles = (text: string): string => text.replace(/[&<>]/g, c => ENTITIES[c] ?? c);
/** What an HTML attribute needs, too. */
export const escapeHtml = (text: string): string =>
  escapeAngles(text).replace(/"/g, '&quot;').replace(/'/g, '&#39;');
