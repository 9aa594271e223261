// Load over keep-alive connections that costs the machine as little as possible: requests are bytes built beforehand,
// and of an answer only the status and the length are read.
import { once } from 'node:events';
import { connect } from 'node:net';

/** The bytes of one request. */
export function request(url, { method = 'POST', path, contentType, headers = {}, body = '' }) {
  const { host } = new URL(url);
  const bytes = Buffer.from(body);
  const head = [
    `${method} ${path} HTTP/1.1`,
    `host: ${host}`,
    ...(contentType === undefined ? [] : [`content-type: ${contentType}`]),
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(method === 'GET' ? [] : [`content-length: ${bytes.length}`]),
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), bytes]);
}

/** What a refused sender waits here. */
const SHED_PAUSE_MS = 100;

const HEAD_END = Buffer.from('\r\n\r\n');

/** How often one request is sent again because the server closed the connection before it answered anything. */
const RESENDS = 5;

/**
 * One connection with one request under way at most. A server may close a connection that nobody uses at the moment a request is on
 * its way: then the request leaves again on a new one, as RFC 9112 section 9.3.1 has it for requests that may be sent twice.
 */
export class Connection {
  #url;
  #socket;
  #pending;
  #head = Buffer.alloc(0);
  #missing = 0;
  #status = 0;
  #refusal;
  #body = [];

  static async open(url) {
    const connection = new Connection();
    connection.#url = url;
    await connection.#connect();
    return connection;
  }

  /** Resolves to `{ status, refusal?, body? }` when the answer is complete; the body is kept only when asked for. */
  async send(bytes, keepBody = false) {
    for (let resends = 0; ; resends += 1) {
      if (this.#socket.destroyed || !this.#socket.writable) await this.#connect();
      try {
        return await new Promise((resolve, reject) => {
          this.#pending = { resolve, reject, keepBody };
          this.#socket.write(bytes);
        });
      } catch (error) {
        this.#pending = undefined;
        this.#socket.destroy();
        const answered = this.#head.length > 0 || this.#missing > 0;
        if (answered || resends === RESENDS || error.broken !== true) throw error;
      }
    }
  }

  close() {
    this.#pending = undefined;
    this.#socket.destroy();
  }

  async #connect() {
    const { hostname, port } = new URL(this.#url);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    this.#socket = socket;
    await once(socket, 'connect');
    // An old socket's last words are not about the request that is under way on the new one.
    const broken = (message, cause) => {
      if (this.#socket !== socket) return;
      const error = new Error(message, { cause });
      this.#pending?.reject(Object.assign(error, { broken: true }));
    };
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('error', (error) => broken('the connection broke', error));
    socket.on('close', () => broken('the server closed the connection'));
  }

  #read(chunk) {
    let rest = chunk;
    if (this.#missing === 0) {
      this.#head = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk]);
      const end = this.#head.indexOf(HEAD_END);
      if (end < 0) return;
      const head = this.#head.toString('latin1', 0, end);
      this.#status = Number(head.slice(9, 12));
      // What a refusal says is worth keeping; an answer that is as expected is not looked at.
      this.#refusal = this.#status === 200 ? undefined : this.#head.toString('utf8');
      this.#missing = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? Number.NaN);
      if (Number.isNaN(this.#missing)) {
        this.#pending?.reject(new Error(`an answer without a length: ${head}`));
        return;
      }
      rest = this.#head.subarray(end + 4);
      this.#head = Buffer.alloc(0);
    }
    this.#missing -= rest.length;
    if (this.#pending?.keepBody) this.#body.push(rest);
    if (this.#missing > 0) return;
    const { resolve, keepBody } = this.#pending;
    this.#pending = undefined;
    resolve({
      status: this.#status,
      refusal: this.#refusal,
      ...(keepBody ? { body: Buffer.concat(this.#body.splice(0)) } : {}),
    });
  }
}

/**
 * Closed loop: every connection sends its next request when the last is answered. Resolves to wall seconds, the latencies
 * in ms and how many requests were shed (429) and sent again. Throws on any other status but 200. Stops early after `maxSeconds`.
 */
export async function closedLoop(url, requests, { connections, maxSeconds = 30 }) {
  const open = await Promise.all(Array.from({ length: connections }, () => Connection.open(url)));
  const latenciesMs = [];
  let next = 0;
  let shed = 0;
  const started = performance.now();
  await Promise.all(
    open.map(async (connection) => {
      while (next < requests.length && performance.now() - started < maxSeconds * 1000) {
        const bytes = requests[next++];
        const sentAt = performance.now();
        let { status, refusal } = await connection.send(bytes);
        while (status === 429) {
          shed += 1;
          await new Promise((resolve) => setTimeout(resolve, SHED_PAUSE_MS));
          ({ status, refusal } = await connection.send(bytes));
        }
        latenciesMs.push(performance.now() - sentAt);
        if (status !== 200) throw new Error(`a request was answered ${refusal}`);
      }
    }),
  );
  const seconds = (performance.now() - started) / 1000;
  for (const connection of open) connection.close();
  return { seconds, requests: latenciesMs.length, latenciesMs, shed };
}

/**
 * Open loop: requests leave at a fixed rate whether or not earlier ones were answered, and latency counts from the
 * moment a request was due, so that a stall of the server is seen by everything that came during it. `lateMs`: how long after
 * they were due this loop came to them, which is part of their latency and no server's.
 */
export async function openLoop(
  url,
  nextRequest,
  { perSecond, seconds, connections, isOver = () => false },
) {
  const idle = await Promise.all(Array.from({ length: connections }, () => Connection.open(url)));
  const all = [...idle];
  const due = [];
  const latenciesMs = [];
  const lateMs = [];
  const statuses = {};
  const serve = async (connection, dueAt) => {
    const { status } = await connection.send(nextRequest());
    latenciesMs.push(performance.now() - dueAt);
    statuses[status] = (statuses[status] ?? 0) + 1;
    const waiting = due.shift();
    if (waiting === undefined) idle.push(connection);
    else await serve(connection, waiting);
  };
  const started = performance.now();
  const total = perSecond * seconds;
  const running = new Set();
  for (let issued = 0; issued < total && !isOver();) {
    // The first is due at once, not an interval later.
    const elapsed = (performance.now() - started) / 1000;
    const until = Math.min(total, Math.floor(elapsed * perSecond) + 1);
    for (; issued < until; issued += 1) {
      const dueAt = started + (issued / perSecond) * 1000;
      lateMs.push(performance.now() - dueAt);
      // The longest idle first: the server closes connections that nobody uses.
      const connection = idle.shift();
      if (connection === undefined) due.push(dueAt);
      else {
        const one = serve(connection, dueAt).finally(() => running.delete(one));
        running.add(one);
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(running);
  for (const connection of all) connection.close();
  return { seconds: (performance.now() - started) / 1000, latenciesMs, lateMs, statuses };
}
