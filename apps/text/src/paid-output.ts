import type { WirePrice } from '#libs/contracts';

/** So much more is asked for at a time, and less and less of it where the money is short. */
const extensionTokens = 2_048;
const leastExtensionTokens = 128;
/** What is left when the next extension is asked for, so that the answer is there in time. */
const marginTokens = 1_024;
/** Our measure of output is not the provider's tokenizer: who keeps to its limit must not be cut. */
const spareTokens = 64;

export interface PaidOutputOptions {
  /** Output tokens that the hold pays for at first, over all choices. */
  readonly tokens: number;
  /** Nano-dollars per 1,000,000 output tokens. */
  readonly outputNanos: bigint;
  /** Asks the ledger; false: refused; rejects when there is no answer. Undefined for a hold of full size. */
  readonly extend: ((step: number, nanos: bigint) => Promise<boolean>) | undefined;
}

/** `wait`: the ledger has not answered yet, and everything that is paid for is used. */
export type PaidVerdict = 'go' | 'wait' | 'stop';

/** `length`: the upstream went on beyond all that was asked of it. `ledger`: nobody could be asked for more. */
export type StopReason = 'balance' | 'ledger' | 'length';

/**
 * How much output of a stream is paid for. More is asked for beside the stream, one extension at a time, before it runs
 * out; a refusal of the smallest one is final. Nothing is done per chunk but to compare with `lookAt`.
 */
export class PaidOutput {
  /** Nothing is to be done before the output has reached so many tokens. */
  lookAt: number;
  /** All that will ever be paid for; set by a refusal. */
  limit = Infinity;
  /** Why the output ends at `limit`. */
  stopReason: StopReason = 'balance';
  /** Called with every answer of the ledger, and when none came. */
  onAnswer: () => void = () => undefined;
  private paid: number;
  private seen = 0;
  private size = extensionTokens;
  private step = 1;
  private asking = false;
  private isUnanswered = false;

  constructor(private readonly options: PaidOutputOptions) {
    this.paid = options.tokens;
    this.lookAt = Math.floor(options.tokens / 2);
    if (options.extend) return;
    this.stopReason = 'length';
    this.limit = Math.floor(options.tokens * 1.25) + spareTokens;
    this.lookAt = this.limit;
  }

  /** At `lookAt` and beyond: whether output may go on. */
  look(tokens: number): PaidVerdict {
    if (tokens < this.lookAt) return 'go';
    if (tokens >= this.limit) return 'stop';
    this.seen = tokens;
    if (!this.asking && this.limit === Infinity && this.options.extend) void this.ask(this.options.extend);
    return tokens >= this.paid ? 'wait' : 'go';
  }

  private async ask(extend: NonNullable<PaidOutputOptions['extend']>): Promise<void> {
    this.asking = true;
    this.lookAt = this.paid;
    try {
      while (!(await extend(this.step, this.nanos()))) {
        this.step++;
        this.size /= 2;
        if (this.size < leastExtensionTokens) break;
      }
      this.answered();
    } catch {
      this.unanswered();
    }
    this.asking = false;
    this.onAnswer();
  }

  private answered(): void {
    this.isUnanswered = false;
    if (this.size < leastExtensionTokens) {
      this.endAt(this.paid, 'balance');
      return;
    }
    this.step++;
    this.paid += this.size;
    this.lookAt = this.paid - marginTokens;
  }

  /** It may be back before the money that is there is used: asked again half-way, with the same step, which may have been done. */
  private unanswered(): void {
    if (this.isUnanswered || this.seen >= this.paid) {
      this.endAt(this.paid, 'ledger');
      return;
    }
    this.isUnanswered = true;
    this.lookAt = Math.ceil((this.seen + this.paid) / 2);
  }

  private endAt(limit: number, reason: StopReason): void {
    this.limit = limit;
    this.lookAt = limit;
    this.stopReason = reason;
  }

  private nanos(): bigint {
    return (BigInt(this.size) * this.options.outputNanos + 999_999n) / 1_000_000n;
  }
}

/** Nano-dollars of one output token price; free output needs no money. */
export function outputNanosOf(price: WirePrice): bigint {
  return BigInt(price.output ?? '0');
}
