export * from '@nestjs/websockets'
