export * from '@nestjs/throttler'
