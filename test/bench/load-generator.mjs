// The generator process as seen from the bench.
import { startServer } from './owned-process.mjs';

export class LoadGenerator {
  #child;
  #waiting = new Map();
  #lastId = 0;

  constructor(child) {
    this.#child = child;
    child.on('message', ({ id, result }) => {
      this.#waiting.get(id)?.(result);
      this.#waiting.delete(id);
    });
  }

  static async start() {
    const { child } = await startServer('generator.mjs');
    return new LoadGenerator(child);
  }

  #send(command, load) {
    const id = (this.#lastId += 1);
    return new Promise((resolve, reject) => {
      const lost = () => reject(new Error('the load generator ended'));
      this.#child.once('exit', lost);
      this.#waiting.set(id, (result) => {
        this.#child.off('exit', lost);
        resolve(result);
      });
      this.#child.send({ id, command, load });
    });
  }

  /** @param {import('./generator.mjs').Load} load */
  start(load) {
    return this.#send('start', load);
  }

  look() {
    return this.#send('look');
  }

  /** Until the load's own end. */
  wait() {
    return this.#send('wait');
  }

  finish() {
    return this.#send('finish');
  }

  stop() {
    return this.#send('stop');
  }
}
