export * from '@nestjs/platform-ws'
