/** Writing into the volume so that a reader sees the file of before or the new one, whole. */
import { rename } from 'node:fs/promises'
import { sdk } from './sdk'

/** Puts `content`, as JSON, in place of the file `name` in the volume. */
export async function replace(name: string, content: unknown): Promise<void> {
  const volume = sdk.volumes.main
  const fresh = `${name}.${process.pid}-${++count}.new`
  await volume.writeFile(fresh, JSON.stringify(content, null, 2), {
    mode: 0o600,
  })
  await rename(volume.subpath(fresh), volume.subpath(name))
}

let count = 0
