/** Where a key's bytes are: in the body itself, or decoded when the key had escapes. */
export interface KeyBytes {
  source: Uint8Array;
  start: number;
  end: number;
}

export const maxKeys = 50_000;
const smallestTable = 512;
/** With so few of the slots in use no honest document comes near it; a document of chosen collisions does. */
const longestProbe = 128;

/**
 * The keys seen so far in all objects of one document: open addressing over typed arrays, reused from call to call,
 * so that a request allocates nothing. Bounded in every direction: keys, slots, probes.
 */
export class KeyTable {
  private slots = new Int32Array(smallestTable);
  private mask = smallestTable - 1;
  private hashes = new Int32Array(smallestTable);
  private owners = new Int32Array(smallestTable);
  private starts = new Int32Array(smallestTable);
  private ends = new Int32Array(smallestTable);
  /** Only of keys that had escapes. */
  private readonly decoded = new Map<number, Uint8Array>();
  private count = 0;

  /** Forgets everything. */
  reset(): void {
    this.mask = smallestTable - 1;
    this.slots.fill(0, 0, smallestTable);
    this.count = 0;
    if (this.decoded.size > 0) this.decoded.clear();
  }

  get size(): number {
    return this.count;
  }

  /** Adds a key of an object: `duplicate` if the object has it, `crowded` if too many keys collide. */
  add(hash: number, owner: number, key: KeyBytes, body: Uint8Array): 'added' | 'duplicate' | 'crowded' {
    if (this.count * 4 >= this.mask) this.grow();
    let slot = hash & this.mask;
    for (let probe = 0; probe < longestProbe; probe++) {
      const entry = this.slots[slot] as number;
      if (entry === 0) {
        this.store(slot, hash, owner, key);
        if (key.source !== body) this.decoded.set(this.count - 1, key.source);
        return 'added';
      }
      const index = entry - 1;
      if (this.hashes[index] === hash && this.owners[index] === owner && this.equals(index, key, body)) {
        return 'duplicate';
      }
      slot = (slot + 1) & this.mask;
    }
    return 'crowded';
  }

  private store(slot: number, hash: number, owner: number, key: KeyBytes): void {
    const index = this.count++;
    this.slots[slot] = index + 1;
    this.hashes[index] = hash;
    this.owners[index] = owner;
    this.starts[index] = key.start;
    this.ends[index] = key.end;
  }

  private equals(index: number, key: KeyBytes, body: Uint8Array): boolean {
    const source = this.decoded.get(index) ?? body;
    const start = this.starts[index] as number;
    const length = (this.ends[index] as number) - start;
    if (length !== key.end - key.start) return false;
    for (let offset = 0; offset < length; offset++) {
      if (source[start + offset] !== key.source[key.start + offset]) return false;
    }
    return true;
  }

  private grow(): void {
    const size = (this.mask + 1) * 2;
    if (this.slots.length < size) {
      this.slots = new Int32Array(size);
      this.hashes = copyInto(new Int32Array(size), this.hashes);
      this.owners = copyInto(new Int32Array(size), this.owners);
      this.starts = copyInto(new Int32Array(size), this.starts);
      this.ends = copyInto(new Int32Array(size), this.ends);
    } else {
      this.slots.fill(0, 0, size);
    }
    this.mask = size - 1;
    for (let index = 0; index < this.count; index++) {
      let slot = (this.hashes[index] as number) & this.mask;
      while (this.slots[slot] !== 0) slot = (slot + 1) & this.mask;
      this.slots[slot] = index + 1;
    }
  }
}

function copyInto(target: Int32Array<ArrayBuffer>, source: Int32Array): Int32Array<ArrayBuffer> {
  target.set(source);
  return target;
}
