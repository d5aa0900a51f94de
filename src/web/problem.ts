/** Errors over HTTP: RFC 9457 problems. The kinds are a closed set; a bug is a 500 that says nothing of its inside. */

/** What can go wrong, with its status and title. `type` of a problem is `urn:coalmine:problem:KIND`. */
export const PROBLEMS = {
  'bad-request': [400, 'The request can’t be read'],
  unauthorized: [401, 'A key is needed'],
  forbidden: [403, 'This key may not do that'],
  'not-found': [404, 'There is no such thing here'],
  'method-not-allowed': [405, 'Not with this method'],
  timeout: [408, 'The request took too long'],
  conflict: [409, 'Not on this pipeline'],
  'too-large': [413, 'The body is too large'],
  'unsupported-encoding': [415, 'The body’s encoding isn’t known'],
  'too-many-requests': [429, 'Too many requests at once'],
  internal: [500, 'A fault of ours'],
  unavailable: [503, 'The store can’t be reached'],
} as const;
export type ProblemKind = keyof typeof PROBLEMS;

/** Thrown by handlers; `detail` says what was expected, what was found and what to do. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly kind: ProblemKind;
  readonly headers: Readonly<Record<string, string>>;
  constructor(kind: ProblemKind, detail: string, headers: Readonly<Record<string, string>> = {}) {
    super(detail);
    this.kind = kind;
    this.headers = headers;
  }
}

export interface ProblemBody {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
}

export function problemResponse({ kind, message, headers }: Problem): Response {
  const [status, title] = PROBLEMS[kind];
  const body: ProblemBody = { type: `urn:coalmine:problem:${kind}`, title, status, detail: message };
  return new Response(`${JSON.stringify(body)}\n`, {
    status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...headers },
  });
}
