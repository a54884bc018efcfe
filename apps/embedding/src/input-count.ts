import { countTexts, type MeteredUsage } from '#libs/inference';
import type { EmbeddingsRequest } from '#libs/providers';

/** What a provider may put around each input: a prefix of its own, marks of begin and end. */
const mostTokensAround = 256;

/** No tokenizer makes more of a text than one for each byte; more cannot be true. Nothing is parsed for it. */
export function mostTokens({ body }: EmbeddingsRequest, items: number): number {
  return body.length + items * mostTokensAround;
}

/** Counts a request's input at most once: its number is needed for the answer, and again for the bill. */
export class InputCount {
  private counted: Promise<MeteredUsage> | undefined;

  constructor(private readonly request: EmbeddingsRequest) {}

  usage(): Promise<MeteredUsage> {
    this.counted ??= this.count();
    return this.counted;
  }

  /** What the answer says: what the provider reported, else what was counted. */
  async promptTokens(reported: number | undefined): Promise<number> {
    return reported ?? (await this.usage()).usage.input ?? 0;
  }

  private async count(): Promise<MeteredUsage> {
    const { inputs } = this.request;
    const texts: string[] = [];
    let tokens = 0;
    for (const input of inputs) {
      if (typeof input === 'string') texts.push(input);
      else tokens += input.length;
    }
    const counted = await countTexts(texts);
    return { usage: { input: tokens + counted.tokens }, source: counted.exact ? 'counted' : 'estimated' };
  }
}
