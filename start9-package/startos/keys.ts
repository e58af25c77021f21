/** Giving up a key: it is put aside, not deleted, and the next start makes another. */
import { mkdir, rename } from 'node:fs/promises'
import { sdk } from './sdk'

/** Where old keys are. They are in the backup too. */
const OLD_KEYS = 'old-keys'

/** Puts the key file aside. False when there was none. */
export async function putAside(file: string, now: Date): Promise<boolean> {
  const volume = sdk.volumes.main
  await mkdir(volume.subpath(OLD_KEYS), { recursive: true, mode: 0o700 })
  const stamp = now.toISOString().replace(/[:.]/g, '-')
  try {
    await rename(
      volume.subpath(file),
      volume.subpath(`${OLD_KEYS}/${stamp}-${file}`),
    )
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}
