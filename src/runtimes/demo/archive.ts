/**
 * The files that the lab's collector archives to, one for each program, as a syslog server would keep them. Rotated by
 * renaming when large, and written a line at a time.
 */
import { appendFile, mkdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';

const FILE_BYTES_MAX = 16 * 1024 * 1024;

export interface Archive {
  /** sshd's text. */
  readonly authLog: string;
  append(line: string): Promise<void>;
}

export async function openArchive(directory: string): Promise<Archive> {
  await mkdir(directory, { recursive: true });
  const authLog = join(directory, 'auth.log');
  const auditLog = join(directory, 'audit.log');
  // A file that isn't there yet can't be followed.
  await Promise.all([authLog, auditLog].map(path => appendFile(path, '', { mode: 0o640 })));
  return {
    authLog,
    async append(line) {
      const path = line.startsWith('{') ? auditLog : authLog;
      const { size } = await stat(path).catch(() => ({ size: 0 }));
      if (size > FILE_BYTES_MAX) await rename(path, `${path}.1`);
      await appendFile(path, `${line}\n`, { mode: 0o640 });
    },
  };
}
