/** Words of a POSIX shell command that a person pastes: each stays one word and does nothing of its own. */

/** One word, whatever it holds. A NUL can stand in no argument and is left out. */
export const quoted = (text: string): string => {
  const whole = text.replaceAll('\0', '');
  return /^[\w@%+:,./-]+$/.test(whole) ? whole : `'${whole.replaceAll("'", `'\\''`)}'`;
};

/** What is said to the reader in front of a command. Not a comment: an interactive zsh would run one. */
export const remark = (words: string): string => `: ${quoted(words)};`;
