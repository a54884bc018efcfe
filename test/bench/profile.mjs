// `--profile`: which functions of each ModAPI process take the time under unary load. A profile, not a guess.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { root, waitUntil } from './owned-process.mjs';
import { readTree } from './process-tree.mjs';
import { measure, refuseErrors, scenarios, warmUp } from './scenarios.mjs';
import { NotHere } from './not-here.mjs';

const topFunctions = 18;
const windowMs = 5000;

/** Self time by function, idle left out. */
function selfTimes({ nodes, samples, timeDeltas }) {
  const byId = new Map(nodes.map((node) => [node.id, node.callFrame]));
  const micros = new Map();
  let busy = 0;
  samples.forEach((id, index) => {
    const frame = byId.get(id);
    // The start of the profiler itself shows up as a long call into the inspector.
    if (frame.functionName === '(idle)' || frame.url === 'node:inspector') return;
    const where = frame.url === '' ? '' : `${shortUrl(frame.url)}:${frame.lineNumber + 1}`;
    const key = `${frame.functionName || '(anonymous)'}\t${where}`;
    micros.set(key, (micros.get(key) ?? 0) + timeDeltas[index]);
    busy += timeDeltas[index];
  });
  return { busy, functions: [...micros].toSorted((a, b) => b[1] - a[1]) };
}

function shortUrl(url) {
  const path = url.startsWith('file:') ? fileURLToPath(url) : url;
  return path
    .replace(`${root}/`, '')
    .replace(/^.*node_modules\//, '')
    .replace(/^dist\//, '');
}

/** Whose code it is: ours, a package's, Node's own, or the engine. */
function ownerOf(key) {
  const [name, where] = key.split('\t');
  if (where === '') return name === '(garbage collector)' ? 'garbage collector' : 'engine and system calls';
  if (/^(apps|libs|deploy)\//.test(where)) return where.split('/').slice(0, 2).join('/');
  if (where.startsWith('node:')) return 'node';
  return where.startsWith('@') ? where.split('/').slice(0, 2).join('/') : where.split('/')[0];
}

function section({ name, cpuMicrosPerCall, profile }) {
  if (!profile) return `### ${name}\n\n${cpuMicrosPerCall.toFixed(0)} µs CPU per call; not a Node process.\n`;
  const { busy, functions } = selfTimes(profile);
  const share = (micros) => `${((100 * micros) / busy).toFixed(1)} %`;
  const owners = new Map();
  for (const [key, micros] of functions) owners.set(ownerOf(key), (owners.get(ownerOf(key)) ?? 0) + micros);
  const lines = functions.slice(0, topFunctions).map(([key, micros]) => {
    const [functionName, where] = key.split('\t');
    return `| \`${functionName}\` | ${where === '' ? '' : `\`${where}\``} | ${share(micros)} |`;
  });
  const byOwner = [...owners].toSorted((a, b) => b[1] - a[1]).slice(0, 12);
  return `### ${name}

${cpuMicrosPerCall.toFixed(0)} µs CPU per call. By owner: ${byOwner.map(([owner, micros]) => `${owner} ${share(micros)}`).join(', ')}.

| function | where | self time |
| --- | --- | --- |
${lines.join('\n')}
`;
}

/** The profile of every Node process of a running system, under load. */
async function takeProfiles(generator, system, { folder, limit, say }) {
  await warmUp(generator, system, { calls: limit.warmUpCalls, seconds: limit.warmUpSeconds });
  // The profiler's own thread takes time too: what a call costs is measured without it.
  const { processes: costs } = await measure(generator, system, { scenario: scenarios[0], windowMs: 3000 });
  const processes = system.roots.flatMap((pid) => readTree(pid));
  const profiled = processes.filter(({ pid }) => existsSync(join(folder, `${pid}.ready`)));
  await generator.start({ ...scenarios[0].load, port: system.port, headers: system.headers });
  await sleep(500);
  for (const { pid } of profiled) process.kill(pid, 'SIGUSR2');
  await sleep(windowMs);
  for (const { pid } of profiled) process.kill(pid, 'SIGUSR2');
  const isWritten = () => profiled.every(({ pid }) => existsSync(join(folder, `${pid}.cpuprofile`)));
  await waitUntil(isWritten, { what: 'profiles', timeoutMs: 20_000 });
  const { calls, ...rest } = await generator.finish();
  refuseErrors(system, 'profile', rest);
  say(`${system.name}: ${profiled.length} profiles over ${calls} calls`);
  return costs
    .filter(({ cpuMicros }) => cpuMicros >= 1)
    .map(({ name, cpuMicros }) => {
      const one = profiled.find((candidate) => candidate.name === name);
      const path = one && join(folder, `${one.pid}.cpuprofile`);
      return { name, cpuMicrosPerCall: cpuMicros, profile: path && JSON.parse(readFileSync(path, 'utf8')) };
    });
}

/** Runs each chosen ModAPI system with the preload and writes docs/benchmarks/profile.md. */
export async function profile(generator, { upstream, otlp, chosen, limit, say }) {
  const preload = pathToFileURL(join(import.meta.dirname, 'profile-preload.mjs')).href;
  const parts = [];
  for (const { name, start } of chosen.filter((one) => one.name.startsWith('modapi'))) {
    const folder = mkdtempSync(join(tmpdir(), 'modapi-profile-'));
    try {
      const env = { NODE_OPTIONS: `--import ${preload}`, BENCH_PROFILE_DIR: folder };
      const system = await start({ upstream, otlp, env });
      say(`${name} is up`);
      const taken = await takeProfiles(generator, system, { folder, limit, say });
      await system.stop();
      const busiest = taken.toSorted((a, b) => b.cpuMicrosPerCall - a.cpuMicrosPerCall);
      parts.push(`## ${name}\n\n${busiest.map(section).join('\n')}`);
    } catch (error) {
      if (!(error instanceof NotHere)) throw error;
      say(`${name} left out: ${error.message}`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  if (parts.length === 0) throw new NotHere('there is nothing to profile');
  const path = join(root, 'docs', 'benchmarks', 'profile.md');
  mkdirSync(join(root, 'docs', 'benchmarks'), { recursive: true });
  writeFileSync(
    path,
    `# Where the CPU goes\n\nMade by \`npm run bench -- --profile\`: not streamed, 32 in flight, after the warm-up, ${windowMs / 1000} s of samples each 0.5 ms.\nThe profiler itself costs some per cent; compare shares, not absolutes. \`(program)\` is native code: system calls, sockets, crypto.\n\n${parts.join('\n')}`,
  );
  say(`written: ${path}`);
}
