import { readdir, readFile } from 'node:fs/promises';

/** CPU time of the server's processes so far, those that ended included; NaN where there is no /proc. */
export async function postgresCpuSeconds(sql) {
  const [{ pid }] = await sql.query('SELECT pg_backend_pid() AS pid');
  const parent = (await processFields(pid))[1];
  const ended = (await processFields(parent)).slice(13, 15).map(Number);
  let ticks = ended.length < 2 ? Number.NaN : ended[0] + ended[1];
  for (const name of await readdir('/proc').catch(() => [])) {
    const fields = /^\d+$/.test(name) ? await processFields(name) : [];
    if (name === parent || fields[1] === parent) ticks += Number(fields[11]) + Number(fields[12]);
  }
  // proc(5) counts in ticks of 10 ms.
  return ticks / 100;
}

/** What /proc says of a process behind its name, from its state on. */
async function processFields(pid) {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}
