import { spawn } from 'node:child_process';
import { once } from 'node:events';

export interface Ran {
  readonly code: number | null;
  readonly output: string;
}

/** Longer than a program takes on a machine that is slow and busy. */
const HUNG_MS = 240_000;

/** Runs a program to its end. */
export async function runProgram(
  command: string,
  args: readonly string[],
  input = '',
): Promise<Ran> {
  const child = spawn(command, [...args], { timeout: HUNG_MS });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

/** Debian's packages belong to Debian's Python, which need not be the first on PATH. */
export async function pythonWithPaho(): Promise<string> {
  for (const python of ['python3', '/usr/bin/python3']) {
    const { code } = await runProgram(python, ['-c', 'import paho.mqtt.client']);
    if (code === 0) return python;
  }
  throw new Error('No Python with paho. On Debian: apt-get install -y python3-paho-mqtt');
}
