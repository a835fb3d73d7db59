// What the TypeScript compiler makes of a small Nest app: decorators are plain calls.
require('reflect-metadata')
const { Controller, Get, Injectable, Module } = require('@nestjs/common')
const { NestFactory } = require('@nestjs/core')
const seen = require('./seen.cjs')

class Service {
  seen() {
    return seen(require.main === module)
  }

  onApplicationShutdown(signal) {
    console.log('closed in good order after', signal)
  }
}
Injectable()(Service)

class Root {
  constructor(service) {
    this.service = service
  }

  get() {
    return this.service.seen()
  }
}
Reflect.defineMetadata('design:paramtypes', [Service], Root)
Get()(Root.prototype, 'get', Object.getOwnPropertyDescriptor(Root.prototype, 'get'))
Controller()(Root)

class App {}
Module({ controllers: [Root], providers: [Service] })(App)

NestFactory.create(App, { logger: ['error'] }).then((app) => {
  app.enableShutdownHooks()
  return app.listen(process.env.PORT)
})
