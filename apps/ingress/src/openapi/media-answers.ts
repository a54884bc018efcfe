const tokenUsage = { type: 'object', additionalProperties: {} };

/** What of the answers of embeddings, audio and images a caller may rely on; everything else passes as it came. */
export const mediaSchemas = {
  Embeddings: {
    type: 'object',
    required: ['object', 'data', 'model', 'usage'],
    properties: {
      object: { const: 'list' },
      model: { type: 'string' },
      data: {
        type: 'array',
        items: {
          type: 'object',
          required: ['object', 'index', 'embedding'],
          properties: {
            object: { const: 'embedding' },
            index: { type: 'integer' },
            embedding: {
              anyOf: [
                { type: 'array', items: { type: 'number' } },
                { type: 'string', description: 'With `encoding_format: base64`: 32-bit floats, little-endian.' },
              ],
            },
          },
        },
      },
      usage: {
        type: 'object',
        properties: { prompt_tokens: { type: 'integer' }, total_tokens: { type: 'integer' } },
      },
    },
  },
  Ranking: {
    type: 'object',
    required: ['results'],
    properties: {
      model: { type: 'string' },
      results: {
        type: 'array',
        description: 'The best first.',
        items: {
          type: 'object',
          required: ['index', 'relevance_score'],
          properties: {
            index: { type: 'integer', description: 'Place of the document in the request.' },
            relevance_score: { type: 'number' },
            document: { type: 'object', properties: { text: { type: 'string' } } },
          },
        },
      },
    },
  },
  Transcription: {
    type: 'object',
    required: ['text'],
    properties: {
      text: { type: 'string' },
      language: { type: 'string' },
      duration: { type: 'number' },
      segments: { type: 'array', items: { type: 'object' } },
      words: { type: 'array', items: { type: 'object' } },
      usage: tokenUsage,
    },
  },
  Images: {
    type: 'object',
    required: ['created', 'data'],
    properties: {
      created: { type: 'integer', description: 'Unix seconds.' },
      data: {
        type: 'array',
        items: {
          type: 'object',
          properties: {
            b64_json: { type: 'string' },
            url: { type: 'string', description: 'Ends working after a while: fetch it soon.' },
            revised_prompt: { type: 'string' },
          },
        },
      },
      usage: tokenUsage,
    },
  },
};
