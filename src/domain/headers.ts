/** The headers that syslog daemons, container runtimes and file logs put before an event's text. */

const TIME =
  '(?:[A-Z][a-z]{2} [ \\d]\\d(?: \\d{4})? \\d\\d:\\d\\d:\\d\\d(?:\\.\\d{1,9})?' +
  '|\\d{4}-\\d\\d-\\d\\d[T ]\\d\\d:\\d\\d:\\d\\d(?:[.,]\\d{1,9})?(?: ?(?:Z|UTC|[+-]\\d\\d:?\\d\\d))?)';
/** RFC 6587 octet count, which some receivers leave in. */
const COUNT = '(?:\\d{1,7} )?';

/** RFC 5424: priority, version 1, five words, structured data, and a byte order mark before the message. */
const RFC5424 = new RegExp(
  `^${COUNT}<\\d{1,3}>1 \\S{1,64} \\S{1,255} \\S{1,255} \\S{1,128} \\S{1,128} ` +
    '(?:-|(?:\\[(?:[^\\]"\\\\]|\\\\.|"(?:[^"\\\\]|\\\\.)*")*\\])+) \\uFEFF?',
);
/** The Kubernetes CRI's log file (time, stream, F for a whole line: P is a part of one), and fluentd's. */
const FILE = new RegExp(`^${TIME}(?: (?:stdout|stderr) F |\\t\\S{1,255}\\t)`);
/** RFC 3164 and file logs: each part is optional. */
const LEAD = new RegExp(`^(?:${COUNT}<\\d{1,3}>)?(?:${TIME} )?`);
const HOST = /^([^\s<>[\]{}"'=]{1,254}[^\s<>[\]{}"'=:]) /;
const TAG = /^([^\s:[\]{}"'=]{1,64})(\[\d{1,10}\])?: /;
/** rsyslog's formats for files give RFC 5424's APP-NAME and PROCID as they are, without a colon. */
const BARE_TAG = /^([^\s:[\]{}"'=]{1,64})(\[\d{1,10}\])? /;

/** Words that say what became of an event, or how bad it is: never a host's name. */
const FATE =
  /^\W*(?:errors?|err|warn|warning|fatal|crit|critical|emerg|emergency|panic|severe|cannot|unable|could|invalid|(?:drop|discard|reject|fail|send|resend|retr|queue|buffer|forward|receiv|writ|read|skip|los|pars)(?:ping|ped|ying|ied|ing|ed|t)|sent|lost)\W*$/i;
/** Levels, and what else a program says first of an event ("debug …", "got …"). */
const OPENING =
  /^\W*(?:alert|notice|info|debug|trace|fail|drop|retry|failure|exception|reason|query|search|got|match)\W*$/i;
/** What a program calls an event ("event: …"). A host may have such a name. */
const SUBJECT = /^\W*(?:events?|records?|messages?|msg|log|lines?|entry|payload|data|body)\W*$/i;
const inSentence = (word: string): boolean => FATE.test(word) || OPENING.test(word) || SUBJECT.test(word);

/** What is left after each reading of one header. */
function afterOne(text: string, app: string): string[] {
  const structured = RFC5424.exec(text) ?? FILE.exec(text);
  if (structured) return [text.slice(structured[0].length)];
  const lead = LEAD.exec(text)?.[0] ?? '';
  const rest = text.slice(lead.length);
  const out = lead === '' ? [] : [rest];
  const untag = (message: string, host: string | undefined): void => {
    // Without the colon any two words would pass for a header, so the second must be the event's own application.
    const [bare = '', name, procid] = (host !== undefined && BARE_TAG.exec(message)) || [];
    if (name === app && (procid !== undefined || !OPENING.test(host ?? '')))
      out.push(message.slice(bare.length));
    const [whole, tag = '', pid] = TAG.exec(message) ?? [];
    if (whole === undefined) return;
    const certain = tag === app || pid !== undefined;
    if (certain || (host !== undefined && !inSentence(host) && !inSentence(tag)))
      out.push(message.slice(whole.length));
  };
  untag(rest, undefined);
  const [whole, host] = (lead !== '' && HOST.exec(rest)) || [];
  if (whole !== undefined && host !== undefined && !FATE.test(host)) {
    const message = rest.slice(whole.length);
    if (!inSentence(host)) out.push(message);
    untag(message, host);
  }
  return out;
}

/** Relays stack headers; more than this isn't a relay. */
const HEADERS_MAX = 3;
const READINGS_MAX = 24;

/**
 * The text itself, then what is left of it after each way of taking up to three headers off. A line's own
 * trailing white space is gone. `app` is the name that the event's own syslog header would carry.
 */
export function afterHeaders(text: string, app: string): readonly string[] {
  const seen = new Set([text.trimEnd()]);
  let front = [...seen];
  for (let depth = 0; depth < HEADERS_MAX && front.length > 0 && seen.size < READINGS_MAX; depth++) {
    front = front.flatMap(t => afterOne(t, app)).filter(t => !seen.has(t));
    for (const t of front) seen.add(t);
  }
  return [...seen];
}
