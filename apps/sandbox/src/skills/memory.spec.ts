import { describe, expect, it } from '@jest/globals';
import { parseMessages } from '../chat-message.js';
import { recall } from './memory.js';

/** User turns with an assistant's "ok" between them. */
function ask(...turns: string[]): string | undefined {
  const messages = turns.flatMap((content, index) =>
    index === 0
      ? [{ role: 'user', content }]
      : [
          { role: 'assistant', content: 'ok' },
          { role: 'user', content },
        ],
  );
  return recall(parseMessages(messages));
}

describe('recall', () => {
  it.each([
    ['My name is Ada.', 'What is my name?', 'Ada'],
    ['my name is ada', "what's my name?", 'ada'],
    ["Hi! I'm Grace Hopper, a sailor.", 'Who am I?', 'Grace Hopper'],
    ['Please call me Bob.', 'Do you remember my name?', 'Bob'],
    ["Hello, my name's Zoë and I like tea.", 'Tell me my name', 'Zoë'],
    ['My favourite colour is teal.', 'What is my favourite colour?', 'teal'],
    ['My favorite number is 42, by the way.', 'What is my favorite number?', '42'],
    ['The secret word is pineapple.', 'What is the secret word?', 'pineapple'],
    ['Remember the number 4711.', 'Which number did I tell you?', '4711'],
    ['I have 3 cats.', 'How many cats do I have?', '3'],
    ['I live in Nairobi.', 'Where do I live?', 'Nairobi'],
    ['The code for the door is 9-1-7.', 'What was the code for the door?', '9-1-7'],
    ['Tell me about rivers', 'What did I say first?', 'Tell me about rivers'],
  ])('%s — %s', (told, question, answer) => {
    expect(ask(told, 'Thanks.', question)).toContain(answer);
  });

  it('keeps the newest of two facts', () => {
    expect(ask('My name is Ada.', 'My name is Eve now.', 'What is my name?')).toBe('Your name is Eve.');
    expect(ask('My city is Oslo.', 'My city is Rome.', 'What is my city?')).toBe('Your city is Rome.');
  });

  it('finds what the same message says before its question', () => {
    expect(ask('My name is Ada and my age is 36. What is my age?')).toBe('Your age is 36.');
  });

  it('finds what a system message says', () => {
    const messages = [
      { role: 'system', content: "The user's name is Lin." },
      { role: 'user', content: 'What is my name?' },
    ];
    expect(recall(parseMessages(messages))).toBe('Your name is Lin.');
  });

  it('admits that it was not told', () => {
    expect(ask('Hello.', 'What is my name?')).toContain('not told me');
  });

  it('leaves other messages alone', () => {
    expect(ask('My name is Ada.', 'Write a poem.')).toBeUndefined();
    expect(ask('My name is Ada.', 'What is the capital of Peru?')).toBeUndefined();
    expect(ask("I'm tired.", 'What is the weather like?')).toBeUndefined();
  });
});
