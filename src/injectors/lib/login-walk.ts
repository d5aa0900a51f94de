// From the authorization request to the redirect with a code, as a browser without scripts would go: cookies,
// redirects and forms, at one provider only. The redirect itself is never fetched.

import type { Answer } from '../../adapters/exchange.ts';
import { redact } from '../../adapters/redact.ts';
import type { Context } from '../../contracts/context.ts';
import { createCookieJar } from './cookies.ts';
import { type Form, type FormField, parseForms } from './html-form.ts';
import { notYes, refused, type SignIn, stuck } from './sign-in.ts';

/** Requests of one sign-in: redirects, login form, consent. */
const STEPS_MAX = 10;

export interface Login {
  readonly username: string;
  readonly password: string;
  /** Names of the form's inputs; the first text or e-mail input and the first password input unless given. */
  readonly usernameField?: string | undefined;
  readonly passwordField?: string | undefined;
}

interface Step {
  readonly url: URL;
  readonly form?: URLSearchParams;
}

const withoutQuery = (url: string): string => url.split(/[?#]/, 1)[0] ?? '';

const passwordIn = (form: Form, login: Login): FormField | undefined =>
  form.fields.find(f =>
    login.passwordField === undefined ? f.type === 'password' : f.name === login.passwordField,
  );
const usernameIn = (form: Form, login: Login): FormField | undefined =>
  form.fields.find(f =>
    login.usernameField === undefined
      ? f.type === 'text' || f.type === 'email'
      : f.name === login.usernameField,
  );

/** The form that a person would go on with: the one that asks for the password, else for the name, else any post. */
const choose = (forms: readonly Form[], login: Login): Form | undefined =>
  forms.find(f => passwordIn(f, login)) ??
  forms.find(f => f.method === 'post' && usernameIn(f, login)) ??
  forms.find(f => f.method === 'post');

const filled = (form: Form, login: Login): URLSearchParams => {
  const params = new URLSearchParams();
  const [username, password] = [usernameIn(form, login), passwordIn(form, login)];
  for (const field of form.fields) {
    const value = field === username ? login.username : field === password ? login.password : field.value;
    params.append(field.name, value);
  }
  return params;
};

/** The parameters that came with the redirect to `redirectUri`. Throws `SignInEnded` where it is never reached. */
export const walkToCode = async (
  ctx: Context,
  signIn: SignIn,
  given: {
    readonly start: URL;
    readonly redirectUri: string;
    readonly origins: ReadonlySet<string>;
    readonly login: Login;
  },
): Promise<URLSearchParams> => {
  const { login } = given;
  const jar = createCookieJar();
  let credentialsSent = false;

  const resolve = (address: string, base: URL): URL => {
    if (URL.canParse(address, base)) return new URL(address, base);
    throw stuck(signIn, `the provider sends us on to an address that isn't one: ${redact(address)}`);
  };

  const afterForm = (page: URL, answer: Answer): Step => {
    const form = choose(parseForms(answer.text), login);
    if (form === undefined)
      throw stuck(
        signIn,
        `expected a form to sign in at ${withoutQuery(page.href)}, found none (does it need a script?)`,
      );
    const asksPassword = passwordIn(form, login) !== undefined;
    if (asksPassword && credentialsSent)
      throw refused('the provider asks for the password again: it did not take this one');
    const url = resolve(form.action, page);
    const params = filled(form, login);
    if (asksPassword) {
      credentialsSent = true;
      signIn.stage = 'asking';
    }
    if (form.method === 'post') return { url, form: params };
    url.search = params.toString();
    return { url };
  };

  const visit = async ({ url, form }: Step): Promise<Answer> => {
    if (!given.origins.has(url.origin))
      throw stuck(signIn, `the provider sends us on to ${url.origin}, which is not its own`);
    const cookie = jar.headerFor(url);
    const answer = await signIn.send({
      url: url.href,
      method: form === undefined ? 'GET' : 'POST',
      headers: {
        accept: 'text/html',
        ...(cookie === '' ? {} : { cookie }),
        ...(form === undefined
          ? {}
          : { 'content-type': 'application/x-www-form-urlencoded', origin: url.origin }),
      },
      ...(form === undefined ? {} : { body: form.toString() }),
    });
    jar.take(answer.headers, url, ctx.clock.now());
    return answer;
  };

  let step: Step = { url: given.start };
  for (let n = 0; n < STEPS_MAX; n++) {
    const answer = await visit(step);
    const sentHere = signIn.stage === 'asking';
    const location = answer.headers.get('location');
    const redirects = answer.status >= 300 && answer.status <= 399 && location !== null;
    if (!redirects && answer.status !== 200) throw notYes(ctx, signIn, answer);
    if (redirects && (answer.status === 307 || answer.status === 308) && step.form !== undefined) {
      throw stuck(
        signIn,
        `HTTP ${answer.status} wants the form posted elsewhere, which is never done with a password`,
      );
    }
    step = redirects ? { url: resolve(location, step.url) } : afterForm(step.url, answer);
    if (sentHere) signIn.stage = 'after';
    if (withoutQuery(step.url.href) === withoutQuery(given.redirectUri))
      return step.form ?? step.url.searchParams;
  }
  throw stuck(signIn, `no redirect to ${given.redirectUri} within ${STEPS_MAX} steps`);
};
