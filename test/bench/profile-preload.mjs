// Loaded into every Node process of the system under test by `--profile`: SIGUSR2 starts a CPU profile, the next writes it.
import { Session } from 'node:inspector/promises';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';

const folder = process.env.BENCH_PROFILE_DIR;
if (folder && isMainThread) {
  const session = new Session();
  session.connect();
  let isOn = false;
  process.on('SIGUSR2', async () => {
    isOn = !isOn;
    if (isOn) {
      await session.post('Profiler.enable');
      await session.post('Profiler.setSamplingInterval', { interval: 500 });
      await session.post('Profiler.start');
      return;
    }
    const { profile } = await session.post('Profiler.stop');
    writeFileSync(join(folder, `${process.pid}.cpuprofile`), JSON.stringify(profile));
  });
  writeFileSync(join(folder, `${process.pid}.ready`), '');
}
