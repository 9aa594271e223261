import type { MeterDirectory } from '../devices/meter-directory.js';
import { ownerAt } from '../devices/meter-ownership.js';
import type { StoredMeter } from '../devices/meter.store.js';
import type { SignatureVerifier } from '../devices/signature-verifier.js';
import type { Journaled } from '../logs/journal.js';
import type { Clock, DeviceDesk, JsonObject, Logger } from '../spi/index.js';
import type { Sha256 } from '../verify/contracts.js';
import { canonicalJson } from '../verify/rfc8785.js';
import { AnswerWaiters } from './answer-waiters.js';
import { AnswerRefused, checkAnswer, type GivenAnswer, readAnswer } from './command-answer.js';
import { CommandError } from './command-error.js';
import { CommandSender, type NamedCommandPort } from './command-sender.js';
import type { CommandsConfig } from './commands.config.js';
import { isFinal, isSameRequest, stateAt, type StoredCommand } from './device-command.js';
import type { DeviceCommandStore } from './device-command.store.js';

const ID_BYTES = 16;
/** Commands that are ended at once. */
const PAGE = 200;
/** Newest commands of a meter among which an order is looked for. */
const LOOKED_THROUGH = 100;

export interface CommandRequest {
  readonly meterId: string;
  /** `lock`, `resend`, …: a to z, 0 to 9, `_` and `-`, at most 64. */
  readonly name: string;
  readonly body: JsonObject;
  /** Who asks, as the log and the API name them. */
  readonly askedBy: string;
  /** Absent: `devices.commands.timeoutMs` from now. */
  readonly deadlineMs?: number;
  /** Of whoever has to ask again after a crash without asking twice: `cmd_` and 32 hex. Absent: a new one. */
  readonly id?: string;
}

/** Asks devices to do something. What is asked is durable before it is sent, and any replica takes the answer. */
export class DeviceCommands {
  private readonly sender: CommandSender;
  private readonly waiters: AnswerWaiters;
  private taken = false;
  private waiting = 0;
  private stopped = false;

  constructor(
    private readonly parts: {
      readonly store: DeviceCommandStore;
      readonly directory: Pick<MeterDirectory, 'meter'>;
      readonly signatures: Pick<SignatureVerifier, 'verify'>;
      readonly clock: Clock;
      readonly random: (length: number) => Uint8Array;
      readonly sha256: Sha256;
      readonly config: CommandsConfig;
      readonly origin: string;
      readonly logger: Logger;
      readonly deadLetter: DeviceDesk['deadLetter'];
      /** Calls `fire` once after `ms`, unless the returned function is called before. */
      readonly timer: (ms: number, fire: () => void) => () => void;
      /** Committed with a change of which the log says nothing. */
      readonly telling: (event: {
        readonly type: string;
        readonly atMs: number;
        readonly data: JsonObject;
      }) => Journaled;
    },
  ) {
    this.sender = new CommandSender({
      ...parts,
      isToBeSent: async (command) => {
        const meter = await parts.directory.meter(command.meterId);
        return isStillAsked(command, meter, parts.clock.nowMs());
      },
    });
    this.waiters = new AnswerWaiters(parts.timer);
  }

  /**
   * The transports that send commands: `here` those of this process, if it runs them. `any`: whether some replica has one.
   */
  sendBy(here: readonly NamedCommandPort[], any: boolean): void {
    this.sender.sendBy(here);
    this.taken = any;
  }

  /**
   * Keeps the command and sends it on its way. Asked again with its id it is the same command. Throws `CommandError`: `command_invalid`,
   * `meter_not_found`, `meter_not_active`, `command_conflict`, `commands_full`, `commands_unavailable`.
   */
  async request(request: CommandRequest): Promise<StoredCommand> {
    const { store, clock, config, directory } = this.parts;
    if (!this.taken)
      throw new CommandError(
        'commands_unavailable',
        'no transport of this gateway sends commands; configure one under `transports`',
      );
    const nowMs = clock.nowMs();
    const asked = this.checked(request, nowMs);
    const meter = await directory.meter(request.meterId);
    if (meter === undefined) throw new CommandError('meter_not_found', 'Meter not found');
    if (!isAskable(meter))
      throw new CommandError('meter_not_active', `the meter is ${meter.state}`);
    const command: StoredCommand = {
      ...asked,
      meterId: meter.meterId,
      accountId: ownerAt(meter, nowMs).accountId,
      state: 'pending',
      sends: 0,
      nextSendAtMs: nowMs,
    };
    const kept = await store.put(command, {
      open: config.maxOpen,
      openOfMeter: config.maxOpenPerMeter,
    });
    if (kept === 'full')
      throw new CommandError(
        'commands_full',
        `${config.maxOpenPerMeter} commands of this meter, or ${config.maxOpen} of all, wait for an answer; wait for some to end`,
      );
    if (kept === 'known') return this.known(command);
    this.sender.kick();
    return command;
  }

  get(id: string): Promise<StoredCommand | undefined> {
    return this.parts.store.get(id);
  }

  /**
   * The command when it is answered or over, or at `untilMs` as it is then. Undefined: there is no such command. Throws `CommandError`
   * `throttled` when too many wait.
   */
  async await(id: string, untilMs: number): Promise<StoredCommand | undefined> {
    const { store, clock, config } = this.parts;
    if (this.waiting >= config.maxWaiting)
      throw new CommandError('throttled', `${config.maxWaiting} wait for answers already`);
    this.waiting += 1;
    // By the time that passes: nobody waits longer because the clock was set back.
    let isOver = untilMs <= clock.nowMs();
    const cancelLimit = this.parts.timer(Math.max(0, untilMs - clock.nowMs()), () => {
      isOver = true;
      this.waiters.wake(id);
    });
    try {
      for (;;) {
        // Listens before it looks: an answer in between is not missed.
        const { woken, cancel } = this.waiters.next(id, config.pollMs);
        try {
          const command = await store.get(id);
          const nowMs = clock.nowMs();
          if (command === undefined || isOver || this.stopped) return command;
          if (isFinal(stateAt(command, nowMs))) return command;
          await woken;
        } finally {
          cancel();
        }
      }
    } finally {
      cancelLimit();
      this.waiting -= 1;
    }
  }

  /** A device's answer, as it came in at any replica. Rejects when the store cannot be asked. */
  async answered(
    device: string,
    bytes: Uint8Array,
  ): Promise<'accepted' | 'duplicate' | 'late' | 'unknown' | 'invalid'> {
    const { store, directory, clock, config, signatures, sha256, origin } = this.parts;
    const dead = async (code: string, detail: string): Promise<void> =>
      this.parts.deadLetter({ source: `answers of ${device}`, device, code, detail, bytes });
    let command: StoredCommand | undefined;
    try {
      const given = readAnswer(bytes, config.maxBodyBytes);
      command = await this.asked(device, given);
      // One device is not told of another's commands.
      if (command === undefined || command.meterId !== device) {
        await dead('command_unknown', 'the device was never asked this');
        return 'unknown';
      }
      const meter = await directory.meter(device);
      // What the device says now is nothing for whoever had it then. What was answered before may come again.
      if (!isFinal(command.state) && !isStillAsked(command, meter, clock.nowMs())) {
        await dead(
          'command_ended',
          `${command.id} ended when the meter was handed over or retired`,
        );
        return 'unknown';
      }
      const answer = checkAnswer(given, command, {
        origin,
        keys: meter?.keys ?? [],
        unsigned: config.unsignedAnswers,
        nowMs: clock.nowMs(),
        sha256,
        verify: (spki, message, signature) => signatures.verify(spki, message, signature),
      });
      const { assurance, body, atMs } = answer;
      const data = { ...subject(command), assurance, body };
      const told = this.parts.telling({ type: 'command.answered', atMs, data });
      const outcome = await store.answer(command.id, answer, told);
      if (outcome === 'accepted') this.waiters.wake(command.id);
      if (outcome === 'accepted' || outcome === 'duplicate') return outcome;
      if (outcome === 'late') {
        await dead('answer_late', `the deadline of ${command.id} is over`);
        return 'late';
      }
      await dead('answer_contradicts', `${command.id} has another answer already`);
      return 'invalid';
    } catch (error) {
      if (!(error instanceof AnswerRefused)) throw error;
      await dead(error.code, error.message);
      return 'invalid';
    }
  }

  /** Sends what is due by the transports of this process. One look at a time. */
  deliver(): Promise<void> {
    return this.sender.deliver();
  }

  /** Ends commands whose time is over. */
  async expire(): Promise<void> {
    const { store, clock } = this.parts;
    const nowMs = clock.nowMs();
    const tell = (command: StoredCommand): Journaled =>
      this.parts.telling({ type: 'command.timeout', atMs: nowMs, data: subject(command) });
    while ((await store.expire(nowMs, PAGE, tell)) === PAGE);
  }

  prune(): Promise<void> {
    const { store, clock, config } = this.parts;
    return store.prune(clock.nowMs() - config.keepMs);
  }

  /** Nothing is sent any more; who waits is told what is known. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.waiters.wakeAll();
    await this.sender.stop();
  }

  private checked(
    { name, body, askedBy, deadlineMs, id }: CommandRequest,
    nowMs: number,
  ): Omit<StoredCommand, 'meterId' | 'accountId' | 'state' | 'sends' | 'nextSendAtMs'> {
    const { config } = this.parts;
    const refuse = (what: string): never => {
      throw new CommandError('command_invalid', what);
    };
    if (!/^[a-z0-9][a-z0-9_-]{0,63}$/.test(name))
      refuse('"name" has 1 to 64 characters a to z, 0 to 9, _ and -');
    if (id !== undefined && !/^cmd_[0-9a-f]{32}$/.test(id))
      refuse('"id" is cmd_ and 32 hex digits');
    const until = deadlineMs ?? nowMs + config.timeoutMs;
    if (!Number.isSafeInteger(until) || until <= nowMs || until > nowMs + config.maxTimeoutMs)
      refuse(`the deadline must lie ahead, at most ${config.maxTimeoutMs} ms`);
    let text = '';
    try {
      text = canonicalJson(body);
    } catch (cause) {
      refuse(`"body" is no JSON: ${cause instanceof Error ? cause.message : 'it is not read'}`);
    }
    if (!text.startsWith('{') || Buffer.byteLength(text) > config.maxBodyBytes)
      refuse(`"body" must be a JSON object of at most ${config.maxBodyBytes} bytes`);
    return {
      id: id ?? `cmd_${this.hex()}`,
      nonce: this.hex(),
      name,
      body: JSON.parse(text) as JsonObject,
      askedBy,
      askedAtMs: nowMs,
      deadlineMs: until,
    };
  }

  private async known(command: StoredCommand): Promise<StoredCommand> {
    const found = await this.parts.store.get(command.id);
    if (found !== undefined && isSameRequest(found, command)) return found;
    throw new CommandError('command_conflict', `${command.id} asks for something else already`);
  }

  /** The command an answer speaks of. Old firmware repeats the order of a lock: the newest such lock, an open one before others. */
  private async asked(
    device: string,
    { id, order }: GivenAnswer,
  ): Promise<StoredCommand | undefined> {
    const { store } = this.parts;
    if (id !== undefined) return store.get(id);
    const locks = (await store.list({ meterId: device, limit: LOOKED_THROUGH })).items.filter(
      ({ name, body, id: own }) => name === 'lock' && (body['order_id'] ?? own) === order,
    );
    return locks.find(({ state }) => !isFinal(state)) ?? locks[0];
  }

  private hex(): string {
    return Buffer.from(this.parts.random(ID_BYTES)).toString('hex');
  }
}

function isAskable({ state }: StoredMeter): boolean {
  return state === 'active' || state === 'suspended';
}

/** A command is no longer that of a meter which another account has now, or nobody. */
function isStillAsked(
  { accountId }: StoredCommand,
  meter: StoredMeter | undefined,
  nowMs: number,
): boolean {
  return meter !== undefined && isAskable(meter) && ownerAt(meter, nowMs).accountId === accountId;
}

/** What events say of a command; not its nonce, and not what was asked. */
function subject({ id, meterId, accountId, name }: StoredCommand): JsonObject {
  return { account: accountId, command: id, meter: meterId, name };
}
