import { describe, expect, it } from '@jest/globals';

interface Report {
  readonly rows: unknown[][];
  readonly columns: string[];
}
interface Reports {
  readonly usage: { readonly run: (asked: { api: object; options: object }) => Promise<Report> };
}
const { usage }: Reports = await import('./reports.mjs' as string);

/** The API as far as a report asks it. */
function apiWith(result: object) {
  const asked: string[] = [];
  const buckets = (path: string) => {
    asked.push(path);
    return Promise.resolve([
      { start_time: 1_767_571_200, results: [{ num_model_requests: 2, model: 'm', ...result }] },
    ]);
  };
  return { asked, buckets };
}

describe('modapi usage', () => {
  it.each([
    [undefined, 'completions', { input_tokens: 5, input_cached_tokens: 1, output_tokens: 7 }, [5, 1, 7]],
    ['embeddings', 'embeddings', { input_tokens: 9 }, [9]],
    ['images', 'images', { images: 3 }, [3]],
    ['speech', 'audio_speeches', { characters: 52 }, [52]],
    ['transcription', 'audio_transcriptions', { seconds: 61 }, [61]],
  ])('of %s reads the report of %s', async (of, report, result, quantities) => {
    const api = apiWith(result);
    const { rows, columns } = await usage.run({ api, options: of === undefined ? {} : { of } });
    expect(api.asked).toEqual([`organization/usage/${report}`]);
    expect(rows).toEqual([['2026-01-05', 'm', 2, ...quantities]]);
    expect(columns).toHaveLength(3 + quantities.length);
  });

  it('says what there is', async () => {
    await expect(usage.run({ api: apiWith({}), options: { of: 'video' } })).rejects.toThrow(
      '--of is one of text, embeddings, images, speech, transcription',
    );
  });
});
