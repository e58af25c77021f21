/** A recording stand-in for all that StartOS does for a package. */
import type { T } from '@start9labs/start-sdk'
import { randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync } from 'node:fs'
import { join } from 'node:path'

/** A task, as it stands on the host's page. */
export type Task = T.CreateTaskParams

/** What a package did, and what StartOS answers it. */
export class StartOs {
  readonly tasks = new Map<string, Task>()
  readonly cleared: string[] = []
  readonly actions = new Map<string, T.ActionMetadata>()
  readonly bound = new Map<number, T.BindOptions>()
  readonly interfaces = new Map<string, T.ServiceInterface>()
  readonly notifications: T.CreateNotificationParams[] = []
  readonly calls: string[] = []
  dependencies: T.Dependencies = []
  dataVersion: string | null = null
  /** What StartOS knows of the package's ports. */
  host: T.Host | null = null
  /** What is to be said of Bitcoin. */
  bitcoin: T.CheckDependenciesResult = {
    packageId: 'bitcoind',
    title: 'Bitcoin',
    installedVersion: '31.0:13',
    satisfies: [],
    isRunning: true,
    tasks: {},
    healthChecks: {},
  }
  private hostChanged: (() => void)[] = []
  private leaving: (() => void)[] = []
  private alive = true

  /** The ports have changed. */
  setHost(host: T.Host): void {
    this.host = host
    this.hostChanged.splice(0).forEach(tell => tell())
  }

  /** The package is unloaded: whatever it watches, it watches no more. */
  end(): void {
    this.alive = false
    this.leaving.splice(0).forEach(leave => leave())
  }

  /** To be handed to the package, as one event. */
  effects(): T.Effects {
    return this.of(randomUUID()) as unknown as T.Effects
  }

  private of(eventId: string): object {
    const self = this
    const known: Record<string, unknown> = {
      eventId,
      get isInContext() {
        return self.alive
      },
      constRetry: undefined,
      child: () => this.of(eventId),
      onLeaveContext: (leave: () => void) => void this.leaving.push(leave),
      clearCallbacks: async () => null,
      action: {
        export: async ({
          id,
          metadata,
        }: {
          id: string
          metadata: T.ActionMetadata
        }) => void this.actions.set(id, metadata),
        clear: async () => null,
        createTask: async (task: Task) =>
          void this.tasks.set(task.replayId, task),
        clearTasks: async (which: { only: string[] }) => {
          this.cleared.push(...which.only)
          which.only.forEach(id => this.tasks.delete(id))
          return null
        },
      },
      notification: {
        create: async (notification: T.CreateNotificationParams) =>
          void this.notifications.push(notification),
      },
      subcontainer: {
        createFs: async () => {
          const rootfs = mkdtempSync(join(process.env.TEST_FLOOR!, 'rootfs-'))
          // Its first process, for which the SDK waits.
          mkdirSync(join(rootfs, 'proc/1'), { recursive: true })
          return [rootfs, randomUUID()]
        },
        destroyFs: async () => null,
      },
      bind: async ({ internalPort, ...options }: T.BindParams) =>
        void this.bound.set(internalPort, options),
      clearBindings: async () => null,
      exportServiceInterface: async (params: T.ExportServiceInterfaceParams) =>
        void this.interfaces.set(params.id, {
          ...params,
          addressInfo: params.addressInfo,
        }),
      clearServiceInterfaces: async () => null,
      setDependencies: async ({
        dependencies,
      }: {
        dependencies: T.Dependencies
      }) => {
        this.dependencies = dependencies
        return null
      },
      getDependencies: async () => this.dependencies,
      checkDependencies: async () => [this.bitcoin],
      getHostInfo: async ({ callback }: { callback?: () => void }) => {
        if (callback) this.hostChanged.push(callback)
        return this.host
      },
      getOsIp: async () => '10.0.3.1',
      getDataVersion: async () => this.dataVersion,
      setDataVersion: async ({ version }: { version: string | null }) => {
        this.dataVersion = version
        return null
      },
      setInitProgress: async () => null,
      setBackupProgress: async () => null,
    }
    const { calls } = this
    return new Proxy(known, {
      get(target, name: string) {
        calls.push(name)
        if (name === 'then') return undefined
        if (name in target) return target[name]
        throw new Error(
          `the package asks StartOS for ${name}; the tests do not know it`,
        )
      },
      set(target, name: string, value) {
        target[name] = value
        return true
      },
    })
  }
}
