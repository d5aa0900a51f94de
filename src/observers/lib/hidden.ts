/**
 * Requests without their secrets: each is replaced by a mark, which stays as it is in URLs, JSON and text, and becomes a
 * shell variable that its reader sets. What is called like a secret is one; a secret under another name isn't told.
 */
import type { Json } from '../../contracts/observer.ts';
import { quoted } from './shell.ts';
import { holesOf } from './template.ts';

const SECRET_NAME =
  /pass(?:w(?:or)?d|phrase|code)?$|pwd|secret|token|credential|auth(?!or)|authori[sz]ation|signature|bearer|cookie|session|jwt|(?:^|[^a-z])(?:sig|sas|code)$|key$/i;
/** `name=value`, `"name": "value"`; a value without quotes goes on to the next blank or `&`: rather too much is hidden. */
const ASSIGNED =
  /([\w.%-]+)(["']?\s*[=:]\s*)("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|(?:(?:Bearer|Basic|ApiKey|Token|Splunk)\s+)?(?:\{\{[^{}]*\}\}|[^\s&])+)/gi;

export interface Hider {
  /** A mark in place of what `name` holds. */
  readonly mark: (name: string) => string;
  /** Text with the values of what is called like a secret marked; holes stay. */
  readonly inText: (text: string) => string;
  /** Strings below names that are called like secrets marked; holes stay. */
  readonly inJson: (json: Json) => Json;
  /** Text with marks as one shell word, in which each is a variable that must be set. */
  readonly word: (text: string) => string;
}

/** `around`: all the text that marks are to stand in; no mark looks like a part of it. */
export const hider = (around: string): Hider => {
  let stem = 'hidden';
  while (around.toLowerCase().includes(stem)) stem += 'x';
  const variables: string[] = [];
  const mark = (name: string): string => {
    const base = `HUNT_${name.toUpperCase().replace(/[^A-Z0-9]+/g, '_')}`;
    let variable = base;
    for (let n = 2; variables.includes(variable); n++) variable = `${base}_${n}`;
    return `${stem}${variables.push(variable) - 1}z`;
  };
  const inText = (text: string): string =>
    text.replace(ASSIGNED, (all, name: string, sign: string, value: string) => {
      if (!SECRET_NAME.test(name) || holesOf(value).length > 0) return all;
      const quote = /^["']/.exec(value)?.[0] ?? '';
      return `${name}${sign}${quote}${mark(name)}${quote}`;
    });
  const inJson = (json: Json, secret?: string): Json => {
    if (typeof json === 'string') {
      if (holesOf(json).length > 0) return json;
      return secret === undefined ? inText(json) : mark(secret);
    }
    if (json === null || typeof json !== 'object') return json;
    if (Array.isArray(json)) return (json as readonly Json[]).map(j => inJson(j, secret));
    return Object.fromEntries(
      Object.entries(json).map(([key, value]) => [
        key,
        inJson(value as Json, SECRET_NAME.test(key) ? key : secret),
      ]),
    );
  };
  const marks = new RegExp(`${stem}(\\d+)z`);
  const word = (text: string): string =>
    text
      .split(marks)
      .map((part, i) =>
        i % 2 === 1 ? `"\${${variables[Number(part)]}:?}"` : part === '' ? '' : quoted(part),
      )
      .join('') || "''";
  return { mark, inText, inJson: json => inJson(json), word };
};
